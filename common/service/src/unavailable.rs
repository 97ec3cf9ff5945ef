//! What a store says when it cannot say.

use std::fmt;

/// The store did not answer, or its answer cannot be trusted: nothing is known of the question, and asking again is
/// safe. Callers answer 503; the cause is for the log alone.
#[derive(Clone, PartialEq, Eq)]
pub struct Unavailable {
    cause: String,
    is_moved: bool,
}

impl Unavailable {
    /// Says why, in words for the operator that name no order, token or person.
    pub fn because(cause: impl fmt::Display) -> Self {
        Self { cause: cause.to_string(), is_moved: false }
    }

    /// The store is at another place now; in words that say where.
    pub fn moved(cause: impl fmt::Display) -> Self {
        Self { cause: cause.to_string(), is_moved: true }
    }

    /// As much of it as anybody may read.
    pub const fn in_public(&self) -> &'static str {
        if self.is_moved {
            "the store was moved: its operator has to start the service on the new one"
        } else {
            "the store does not answer"
        }
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
