//! base64url (RFC 4648, section 5): padding is written where RFC 9577 and RFC 9578 want it, and is optional
//! wherever it is read.

use std::fmt;

use data_encoding::{BASE64URL, BASE64URL_NOPAD};

/// Decodes base64url with or without padding; `None` when it is neither.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    let unpadded = text.trim_end_matches('=');
    // The decoder for padded text would take several padded texts in a row, so that bytes had many texts.
    let padding = text.len() - unpadded.len();
    if padding != 0 && (padding > 2 || !text.len().is_multiple_of(4)) {
        return None;
    }
    BASE64URL_NOPAD.decode(unpadded.as_bytes()).ok()
}

/// Decodes base64url of exactly `N` bytes.
pub(crate) fn decode_array<const N: usize>(text: &str) -> Option<[u8; N]> {
    decode(text)?.try_into().ok()
}

/// Encodes with padding.
pub(crate) fn encode_padded(bytes: &[u8]) -> String {
    BASE64URL.encode(bytes)
}

/// Shows bytes without padding.
pub(crate) struct Unpadded<'a>(pub(crate) &'a [u8]);

impl fmt::Display for Unpadded<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        BASE64URL_NOPAD.encode_display(self.0).fmt(f)
    }
}

/// Bytes as base64url with padding in JSON.
pub(crate) mod padded {
    use std::borrow::Cow;

    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(crate) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&super::encode_padded(bytes))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        super::decode(&text).ok_or_else(|| de::Error::custom("not base64url"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_is_optional_and_must_be_right_when_there() {
        assert_eq!(decode("_-8="), Some(vec![0xff, 0xef]));
        assert_eq!(decode("_-8"), Some(vec![0xff, 0xef]));
        assert_eq!(decode(""), Some(Vec::new()));
        for wrong in ["_-8==", "_-8=_-8=", "=", "====", "_-9", "/+8=", "_-8 ", "_"] {
            assert_eq!(decode(wrong), None, "{wrong}");
        }
        assert_eq!(decode_array::<3>("_-8"), None);
    }
}
