//! What a store says when it cannot say.

use std::fmt;

/// The store did not answer, or its answer cannot be trusted: nothing is known of the question, and asking again is
/// safe. Callers answer 503; the cause is for the log alone.
#[derive(Clone, PartialEq, Eq)]
pub struct Unavailable {
    cause: String,
}

impl Unavailable {
    /// Says why, in words for the operator that name no order, token or person.
    pub fn because(cause: impl fmt::Display) -> Self {
        Self { cause: cause.to_string() }
    }
}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the store is unavailable: {}", self.cause)
    }
}

impl fmt::Debug for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Unavailable {}
