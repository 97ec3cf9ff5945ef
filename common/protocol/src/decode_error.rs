use std::borrow::Cow;

use thiserror::Error;

/// Bytes that are not the message they should be: which field, and what was wrong with it.
///
/// The text holds lengths and type numbers and never a byte of the message, so that it can be shown and logged.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{field}: {reason}")]
pub struct DecodeError {
    /// The field by its name in the RFC; elements with their index from 0, as in `blinded_msgs[3]`.
    pub field: Cow<'static, str>,
    /// What was wrong.
    pub reason: DecodeReason,
}

impl DecodeError {
    pub(crate) fn new(field: impl Into<Cow<'static, str>>, reason: DecodeReason) -> Self {
        Self { field: field.into(), reason }
    }
}

/// What was wrong with a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum DecodeReason {
    /// The input ends before the field does.
    #[error("{needed} bytes expected, {left} left")]
    Truncated {
        /// Bytes that the field takes.
        needed: u64,
        /// Bytes that were there.
        left: usize,
    },
    /// Bytes follow the last field.
    #[error("{count} bytes too many")]
    TrailingBytes {
        /// How many.
        count: usize,
    },
    /// A QUIC variable-length integer takes more bytes than its value needs.
    #[error("the length is not encoded in its shortest form")]
    NonMinimalLength,
    /// The token type is not 0x0005.
    #[error("0x{found:04x} instead of 0x0005 (VOPRF ristretto255, SHA-512)")]
    TokenType {
        /// The type that was there.
        found: u16,
    },
    /// A field that must hold something is empty.
    #[error("empty")]
    Empty,
    /// A list is longer than its type allows.
    #[error("{count} entries, at most {limit} are allowed")]
    TooMany {
        /// How many there were.
        count: u64,
        /// How many are allowed.
        limit: usize,
    },
    /// The length of a list of 32-byte elements is not a multiple of 32.
    #[error("{length} bytes are not a whole number of 32-byte elements")]
    PartialElement {
        /// The length in bytes.
        length: u64,
    },
    /// A field has a length that its type does not have.
    #[error("{found} bytes, must have {expected}")]
    Length {
        /// The length in bytes.
        found: usize,
        /// The lengths that are allowed, in words.
        expected: &'static str,
    },
    /// The element is the group's identity, under which every token would be the same.
    #[error("the identity element")]
    IdentityElement,
    /// The element is not a canonical encoding: not reduced, or negative.
    #[error("not a canonical encoding of a ristretto255 element")]
    NonCanonicalElement,
    /// A name holds something else than visible ASCII characters of a server name.
    #[error("not a server name (visible ASCII without comma, quote or backslash)")]
    Name,
}

impl DecodeReason {
    /// Whether an element was at fault rather than the form of the message: services answer the two differently.
    pub const fn is_element(self) -> bool {
        matches!(self, Self::IdentityElement | Self::NonCanonicalElement)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_names_the_field_and_the_fault() {
        let error = DecodeError::new(format!("blinded_msgs[{}]", 3), DecodeReason::IdentityElement);
        assert_eq!(error.to_string(), "blinded_msgs[3]: the identity element");
        let error = DecodeError::new("token_type", DecodeReason::TokenType { found: 2 });
        assert_eq!(error.to_string(), "token_type: 0x0002 instead of 0x0005 (VOPRF ristretto255, SHA-512)");
    }
}
