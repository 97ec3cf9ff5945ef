use std::fmt;

use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A byte string that JSON shows as base64url: written without padding, read with or without.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Base64Url<T>(pub T);

impl Base64Url<Vec<u8>> {
    /// Decodes base64url with or without padding; `None` when it is neither.
    pub fn decode(text: &str) -> Option<Vec<u8>> {
        let unpadded = text.trim_end_matches('=');
        let padding = text.len() - unpadded.len();
        if padding != 0 && (padding > 2 || !text.len().is_multiple_of(4)) {
            return None;
        }
        BASE64URL_NOPAD.decode(unpadded.as_bytes()).ok()
    }
}

impl<T: AsRef<[u8]>> Base64Url<T> {
    /// The text without padding.
    pub fn encode(&self) -> String {
        BASE64URL_NOPAD.encode(self.0.as_ref())
    }
}

impl<T: AsRef<[u8]>> fmt::Display for Base64Url<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.encode())
    }
}

impl<T: AsRef<[u8]>> fmt::Debug for Base64Url<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<T: AsRef<[u8]>> Serialize for Base64Url<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.encode())
    }
}

impl<'de, T: TryFrom<Vec<u8>>> Deserialize<'de> for Base64Url<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        let bytes = Base64Url::<Vec<u8>>::decode(&text).ok_or_else(|| de::Error::custom("not base64url"))?;
        let length = bytes.len();
        T::try_from(bytes)
            .map(Self)
            .map_err(|_| de::Error::custom(format!("{length} bytes are the wrong length")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_is_optional_when_read_and_never_written() {
        for text in ["\"_-8\"", "\"_-8=\""] {
            let bytes: Base64Url<[u8; 2]> = serde_json::from_str(text).unwrap();
            assert_eq!(bytes.0, [0xff, 0xef]);
            assert_eq!(serde_json::to_string(&bytes).unwrap(), "\"_-8\"");
        }
    }

    #[test]
    fn other_alphabets_lengths_and_paddings_are_refused() {
        for text in ["\"/+8\"", "\"_-8==\"", "\"_-\"", "\"_-9\"", "\"____\"", "\"_-8 \""] {
            assert!(serde_json::from_str::<Base64Url<[u8; 2]>>(text).is_err(), "{text}");
        }
    }
}
