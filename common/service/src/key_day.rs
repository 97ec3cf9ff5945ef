//! How counts of a token key's days are named in every store.

use farthing_protocol::{Day, TokenKeyId};

/// The entry of a token key's day: its id, 32 bytes, and the day's number, 4 bytes big-endian, so that the days of a
/// key stand together and in order.
pub fn key_day(key: TokenKeyId, day: Day) -> Vec<u8> {
    [key.as_bytes().as_slice(), &day.number().to_be_bytes()].concat()
}

/// An entry that is not a token key's day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an entry is not a token key's day")]
pub struct MalformedKeyDay;

/// Reads what [`key_day`] wrote.
///
/// # Errors
/// It is something else.
pub fn split_key_day(entry: &[u8]) -> Result<(TokenKeyId, Day), MalformedKeyDay> {
    let (key, day) = entry.split_first_chunk::<32>().ok_or(MalformedKeyDay)?;
    let number = u32::from_be_bytes(day.try_into().map_err(|_| MalformedKeyDay)?);
    Ok((TokenKeyId::from_bytes(*key), Day::from_number(number).ok_or(MalformedKeyDay)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_read_back_and_nothing_else_is() {
        let (key, day) = (TokenKeyId::from_bytes([7; 32]), Day::from_number(20_778).unwrap());
        let entry = key_day(key, day);
        assert_eq!(split_key_day(&entry), Ok((key, day)));
        for wrong in [&entry[..35], &[entry.clone(), vec![0]].concat(), &[0xff; 36], &[]] {
            assert_eq!(split_key_day(wrong), Err(MalformedKeyDay));
        }
    }
}
