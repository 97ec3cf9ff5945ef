use thiserror::Error;

use crate::DecodeError;

/// An HTTP header value that cannot be read, and why. The text holds nothing from the value.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HeaderError {
    /// The value is not of the grammar of RFC 9110, section 11.
    #[error("byte {offset}: {expected} expected")]
    Syntax {
        /// Byte of the value at which reading stopped, from 0.
        offset: usize,
        /// What should stand there.
        expected: &'static str,
    },
    /// The value has no challenge or credentials of the scheme PrivateToken.
    #[error("not of the scheme PrivateToken")]
    Scheme,
    /// A required attribute is missing.
    #[error("the attribute {attribute} is missing")]
    Missing {
        /// Its name.
        attribute: &'static str,
    },
    /// An attribute stands twice in one challenge or in the credentials.
    #[error("the attribute {attribute} stands twice")]
    Twice {
        /// Its name.
        attribute: &'static str,
    },
    /// An attribute's value is not of its form.
    #[error("the attribute {attribute} must be {expected}")]
    Value {
        /// Its name.
        attribute: &'static str,
        /// The form, in words.
        expected: &'static str,
    },
    /// A token does not decode.
    #[error("the attribute {attribute}: {error}")]
    Token {
        /// Name of the attribute that holds it.
        attribute: &'static str,
        /// What was wrong.
        error: DecodeError,
    },
    /// There are more tokens than a header may carry, or none.
    #[error("{count} tokens, 1 to {limit} are allowed in a header")]
    TokenCount {
        /// How many there are.
        count: usize,
        /// The most that are allowed.
        limit: usize,
    },
}
