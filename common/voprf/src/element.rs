//! Group elements between wire and arithmetic, in batches.

use curve25519_dalek::RistrettoPoint;
use curve25519_dalek::ristretto::CompressedRistretto;
use curve25519_dalek::traits::IsIdentity;
use thiserror::Error;

use crate::ciphersuite::hash_to_group;
use crate::{BatchError, ELEMENT_LENGTH};

/// The bytes are not the canonical encoding (RFC 9496) of a group element, or are that of the identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not a canonical encoding of a group element other than the identity")]
pub struct InvalidElement;

/// Decodes one element.
pub(crate) fn decode(bytes: &[u8; ELEMENT_LENGTH]) -> Result<RistrettoPoint, InvalidElement> {
    let point = CompressedRistretto(*bytes).decompress().ok_or(InvalidElement)?;
    if point.is_identity() { Err(InvalidElement) } else { Ok(point) }
}

/// Decodes a batch; the error says which element was no good.
pub(crate) fn decode_batch(elements: &[[u8; ELEMENT_LENGTH]]) -> Result<Vec<RistrettoPoint>, BatchError> {
    elements
        .iter()
        .enumerate()
        .map(|(index, bytes)| decode(bytes).map_err(|InvalidElement| BatchError::InvalidElement { index }))
        .collect()
}

/// The element of each input; the errors are those that RFC 9497 calls `InvalidInputError`.
pub(crate) fn hash_inputs<I: AsRef<[u8]>>(inputs: &[I]) -> Result<Vec<RistrettoPoint>, BatchError> {
    inputs
        .iter()
        .enumerate()
        .map(|(index, input)| {
            let input = input.as_ref();
            if input.len() > usize::from(u16::MAX) {
                return Err(BatchError::InputTooLong { index });
            }
            let point = hash_to_group(input);
            if point.is_identity() { Err(BatchError::InvalidInput { index }) } else { Ok(point) }
        })
        .collect()
}

/// Encodes twice each element, for the price of one inversion: whoever wants k·P multiplies by k/2 first.
pub(crate) fn encode_doubled(halves: &[RistrettoPoint]) -> Vec<[u8; ELEMENT_LENGTH]> {
    RistrettoPoint::double_and_compress_batch(halves)
        .into_iter()
        .map(|compressed| compressed.to_bytes())
        .collect()
}
