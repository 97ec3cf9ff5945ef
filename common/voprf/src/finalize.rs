use curve25519_dalek::Scalar;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::batch_error::{check_count, check_size};
use crate::ciphersuite::output;
use crate::element::{decode_batch, encode_doubled};
use crate::{BatchError, Blind, ELEMENT_LENGTH, OUTPUT_LENGTH, PROOF_LENGTH, PublicKey, proof};

/// Why no outputs were made of an issuer's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum FinalizeError {
    /// What was passed does not go together, or an element of the answer is invalid.
    #[error(transparent)]
    Batch(#[from] BatchError),
    /// The proof does not hold: the issuer used another key for at least one element.
    #[error("the proof does not hold for this public key")]
    Proof,
}

/// `Finalize` of RFC 9497 section 3.3.2 for a batch: checks the proof, then gives the 64-byte output of each input.
///
/// `inputs` and `blinds` are those of [`crate::blind`], `blinded` what it gave; `evaluated` and `proof` are the issuer's
/// answer.
///
/// # Errors
/// Lists of different lengths, an invalid element, or a proof that does not hold. No output is given for any input then.
pub fn finalize<I: AsRef<[u8]>>(
    public_key: &PublicKey,
    inputs: &[I],
    blinds: &[Blind],
    blinded: &[[u8; ELEMENT_LENGTH]],
    evaluated: &[[u8; ELEMENT_LENGTH]],
    proof: &[u8; PROOF_LENGTH],
) -> Result<Vec<[u8; OUTPUT_LENGTH]>, FinalizeError> {
    let size = inputs.len();
    check_size(size)?;
    check_count("blinds", size, blinds.len())?;
    check_count("blinded elements", size, blinded.len())?;
    check_count("evaluated elements", size, evaluated.len())?;
    if let Some(index) = inputs.iter().position(|input| input.as_ref().len() > usize::from(u16::MAX)) {
        return Err(BatchError::InputTooLong { index }.into());
    }
    let sent = decode_batch(blinded)?;
    let received = decode_batch(evaluated)?;
    if !proof::verify(public_key, (&sent, &received), blinded, evaluated, proof) {
        return Err(FinalizeError::Proof);
    }

    let mut inverses: Zeroizing<Vec<Scalar>> =
        Zeroizing::new(blinds.iter().map(|blind| *blind.scalar()).collect());
    Scalar::invert_batch_alloc(&mut inverses);
    let halves: Vec<_> =
        received.iter().zip(inverses.iter()).map(|(point, inverse)| point * inverse.div_by_2()).collect();
    let elements = Zeroizing::new(encode_doubled(&halves));
    Ok(inputs.iter().zip(elements.iter()).map(|(input, element)| output(input.as_ref(), element)).collect())
}
