//! JSON of secrets: written into a buffer that never grows, because a buffer that grows leaves a copy behind that
//! nobody wipes.

use std::io::{self, Write};

use serde::Serialize;
use zeroize::Zeroizing;

/// Counts what is written and keeps nothing.
#[derive(Default)]
struct Counter(usize);

impl Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The JSON of `value`, measured first; wiped when dropped.
///
/// # Errors
///
/// The value has no JSON form.
pub(crate) fn to_secret_json(value: &impl Serialize) -> serde_json::Result<Zeroizing<Vec<u8>>> {
    let mut length = Counter::default();
    serde_json::to_writer(&mut length, value)?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(length.0));
    serde_json::to_writer(&mut *bytes, value)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_buffer_is_as_long_as_the_text() {
        let value = vec!["a text with \"quotes\" and ümlauts"; 1000];
        let json = to_secret_json(&value).unwrap();
        assert_eq!(*json, serde_json::to_vec(&value).unwrap());
        assert_eq!(json.capacity(), json.len(), "it was measured and never grew");
    }
}
