use std::fmt;

use curve25519_dalek::Scalar;
use thiserror::Error;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::batch_error::{check_count, check_size};
use crate::element::{encode_doubled, hash_inputs};
use crate::{BatchError, ELEMENT_LENGTH, SCALAR_LENGTH};

/// The factor that hides one input: a scalar other than zero. Never printed, wiped when dropped.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Blind(Scalar);

/// The bytes are not the canonical encoding of a scalar other than zero, or reduce to zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not a blind: zero, or not canonical")]
pub struct InvalidBlind;

impl Blind {
    /// Reduces 64 uniform bytes to a blind; the bias is below 2^-250.
    ///
    /// # Errors
    /// The bytes reduce to zero.
    pub fn from_uniform_bytes(bytes: &[u8; 64]) -> Result<Self, InvalidBlind> {
        Self::nonzero(Scalar::from_bytes_mod_order_wide(bytes))
    }

    /// Reads 32 little-endian bytes.
    ///
    /// # Errors
    /// They are not canonical, or zero.
    pub fn from_bytes(bytes: &[u8; SCALAR_LENGTH]) -> Result<Self, InvalidBlind> {
        Option::from(Scalar::from_canonical_bytes(*bytes)).ok_or(InvalidBlind).and_then(Self::nonzero)
    }

    fn nonzero(scalar: Scalar) -> Result<Self, InvalidBlind> {
        if scalar == Scalar::ZERO { Err(InvalidBlind) } else { Ok(Self(scalar)) }
    }

    pub(crate) const fn scalar(&self) -> &Scalar {
        &self.0
    }
}

impl fmt::Debug for Blind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Blind(..)")
    }
}

/// `Blind` of RFC 9497 section 3.3.2 for a batch of 1 to 65,535 inputs, one blind each: the elements to send.
///
/// # Errors
/// The size of the batch, another number of blinds than inputs, or the first input that has no element.
pub fn blind<I: AsRef<[u8]>>(
    inputs: &[I],
    blinds: &[Blind],
) -> Result<Vec<[u8; ELEMENT_LENGTH]>, BatchError> {
    check_size(inputs.len())?;
    check_count("blinds", inputs.len(), blinds.len())?;
    let halves: Vec<_> =
        hash_inputs(inputs)?.iter().zip(blinds).map(|(point, blind)| point * blind.0.div_by_2()).collect();
    Ok(encode_doubled(&halves))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", Blind::from_bytes(&[1; 32]).unwrap()), "Blind(..)");
    }

    #[test]
    fn zero_is_no_blind() {
        assert_eq!(Blind::from_uniform_bytes(&[0; 64]).unwrap_err(), InvalidBlind);
        assert_eq!(Blind::from_bytes(&[0; 32]).unwrap_err(), InvalidBlind);
        assert_eq!(Blind::from_bytes(&[0xff; 32]).unwrap_err(), InvalidBlind);
    }
}
