use thiserror::Error;

use crate::MAX_BATCH;

/// Why a batch was not computed. Nothing of it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum BatchError {
    /// A batch has at least one element.
    #[error("the batch is empty")]
    Empty,
    /// A batch has at most [`MAX_BATCH`] elements.
    #[error("the batch has {0} elements, the most is {MAX_BATCH}")]
    TooLong(usize),
    /// Things that belong together come in different numbers.
    #[error("{found} {what} for a batch of {expected}")]
    LengthMismatch {
        /// What there are too few or too many of.
        what: &'static str,
        /// How many there should be.
        expected: usize,
        /// How many there are.
        found: usize,
    },
    /// An element is not the canonical encoding of a group element, or is the identity.
    #[error("element {index} is not a canonical encoding of a group element other than the identity")]
    InvalidElement {
        /// Its place in the batch, from 0.
        index: usize,
    },
    /// An input is longer than the 65,535 bytes that its length prefix can say.
    #[error("input {index} is longer than 65,535 bytes")]
    InputTooLong {
        /// Its place in the batch, from 0.
        index: usize,
    },
    /// An input hashes to the identity, which happens with probability 2^-252.
    #[error("input {index} hashes to the identity")]
    InvalidInput {
        /// Its place in the batch, from 0.
        index: usize,
    },
}

/// Refuses batches of a size that no proof can cover.
pub(crate) fn check_size(elements: usize) -> Result<(), BatchError> {
    match elements {
        0 => Err(BatchError::Empty),
        1..=MAX_BATCH => Ok(()),
        _ => Err(BatchError::TooLong(elements)),
    }
}

/// Refuses a list that does not go with a batch of `expected` elements.
pub(crate) fn check_count(what: &'static str, expected: usize, found: usize) -> Result<(), BatchError> {
    if expected == found { Ok(()) } else { Err(BatchError::LengthMismatch { what, expected, found }) }
}
