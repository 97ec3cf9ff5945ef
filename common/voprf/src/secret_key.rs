use std::fmt;

use curve25519_dalek::{RistrettoPoint, Scalar};
use thiserror::Error;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::batch_error::{check_count, check_size};
use crate::ciphersuite::{hash_to_secret_key, length_prefix, output};
use crate::element::{decode_batch, encode_doubled, hash_inputs};
use crate::{
    BatchError, ELEMENT_LENGTH, OUTPUT_LENGTH, PROOF_LENGTH, PublicKey, SCALAR_LENGTH, SEED_LENGTH, proof,
};

/// A secret key k with its public key. Never printed, never copied, wiped when dropped.
pub struct SecretKey {
    secret: Secret,
    public_key: PublicKey,
}

/// The secret part alone, so that the public key needs no wiping.
#[derive(Zeroize, ZeroizeOnDrop)]
struct Secret {
    key: Scalar,
    /// k/2: the product with it is doubled for nothing while a batch is encoded.
    half: Scalar,
}

/// `DeriveKeyPair` found no key, which happens with probability 2^-64000, or its `info` is over 65,535 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("no key pair can be derived from this seed and info")]
pub struct DeriveKeyPairError;

/// The bytes are not the canonical encoding of a scalar other than zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not a canonical encoding of a secret key")]
pub struct InvalidSecretKey;

/// The answer to a batch of blinded elements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlindEvaluation {
    /// The evaluated elements, one for each blinded element, in its order.
    pub elements: Vec<[u8; ELEMENT_LENGTH]>,
    /// One proof for all of them: challenge and response.
    pub proof: [u8; PROOF_LENGTH],
}

impl SecretKey {
    /// `DeriveKeyPair` of RFC 9497 section 3.2.1. Privacy Pass keys have `info` `PrivacyPass`.
    ///
    /// # Errors
    /// `info` is longer than 65,535 bytes, or 256 attempts all gave zero.
    pub fn derive(seed: &[u8; SEED_LENGTH], info: &[u8]) -> Result<Self, DeriveKeyPairError> {
        if info.len() > usize::from(u16::MAX) {
            return Err(DeriveKeyPairError);
        }
        (0..=u8::MAX)
            .map(|counter| hash_to_secret_key(&[seed, &length_prefix(info), info, &[counter]]))
            .find(|key| *key != Scalar::ZERO)
            .map(Self::new)
            .ok_or(DeriveKeyPairError)
    }

    /// Reads a key back from its 32 little-endian bytes.
    ///
    /// # Errors
    /// The bytes are not canonical, or are zero.
    pub fn from_bytes(bytes: &[u8; SCALAR_LENGTH]) -> Result<Self, InvalidSecretKey> {
        Option::<Scalar>::from(Scalar::from_canonical_bytes(*bytes))
            .filter(|key| *key != Scalar::ZERO)
            .map(Self::new)
            .ok_or(InvalidSecretKey)
    }

    fn new(key: Scalar) -> Self {
        let public_key = PublicKey::from_point(RistrettoPoint::mul_base(&key));
        Self { secret: Secret { key, half: key.div_by_2() }, public_key }
    }

    /// The key as 32 little-endian bytes, for the keyring alone.
    pub fn to_bytes(&self) -> Zeroizing<[u8; SCALAR_LENGTH]> {
        Zeroizing::new(self.secret.key.to_bytes())
    }

    /// The public key.
    pub const fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// `BlindEvaluate` of RFC 9497 section 3.3.2 for a batch of 1 to 65,535 elements, with one proof.
    ///
    /// `entropy` is 32 fresh random bytes. The evaluated elements depend only on the key and the blinded elements; the
    /// proof differs each time.
    ///
    /// # Errors
    /// The size of the batch, or the first element that is invalid.
    pub fn evaluate_blinded(
        &self,
        blinded: &[[u8; ELEMENT_LENGTH]],
        entropy: &[u8; 32],
    ) -> Result<BlindEvaluation, BatchError> {
        self.evaluate_with_nonce(blinded, |m, z| {
            proof::derived_nonce(&self.secret.key, entropy, &self.public_key, m, z)
        })
    }

    /// As [`Self::evaluate_blinded`], with a nonce that the test vectors prescribe.
    fn evaluate_with_nonce(
        &self,
        blinded: &[[u8; ELEMENT_LENGTH]],
        nonce: impl FnOnce(&[u8; 32], &[u8; 32]) -> Zeroizing<Scalar>,
    ) -> Result<BlindEvaluation, BatchError> {
        check_size(blinded.len())?;
        let points = decode_batch(blinded)?;
        let halves: Vec<_> = points.iter().map(|point| point * self.secret.half).collect();
        let elements = encode_doubled(&halves);
        let proof = proof::prove(&self.secret.key, &self.public_key, &points, blinded, &elements, nonce);
        Ok(BlindEvaluation { elements, proof })
    }

    /// `Evaluate` of RFC 9497 section 3.3.2 for a batch: the 64-byte output of each input, as the redeemer recomputes it.
    ///
    /// # Errors
    /// The size of the batch, or the first input that has no output.
    pub fn evaluate<I: AsRef<[u8]>>(&self, inputs: &[I]) -> Result<Vec<[u8; OUTPUT_LENGTH]>, BatchError> {
        check_size(inputs.len())?;
        let halves = hash_inputs(inputs)?.iter().map(|point| point * self.secret.half).collect::<Vec<_>>();
        let elements = Zeroizing::new(encode_doubled(&halves));
        check_count("elements", inputs.len(), elements.len())?;
        Ok(inputs
            .iter()
            .zip(elements.iter())
            .map(|(input, element)| output(input.as_ref(), element))
            .collect())
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretKey").field("public_key", &self.public_key).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "rfc9497_vectors.rs"]
mod rfc9497_vectors;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_the_public_key_alone() {
        let key = SecretKey::derive(&[7; 32], b"PrivacyPass").unwrap();
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let shown = format!("{key:?}");
        assert_eq!(
            shown,
            format!("SecretKey {{ public_key: PublicKey({}), .. }}", hex(&key.public_key().to_bytes()))
        );
        assert!(!shown.contains(&hex(&key.to_bytes()[..])));
    }

    #[test]
    fn keys_that_are_no_scalar_are_refused() {
        // Zero, the group's order, and the order's encoding plus one.
        let order = hex_literal::hex!("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
        let mut above = order;
        above[0] += 1;
        for bytes in [[0; 32], order, above, [0xff; 32]] {
            assert_eq!(SecretKey::from_bytes(&bytes).unwrap_err(), InvalidSecretKey);
        }
    }

    #[test]
    fn one_proof_never_uses_the_nonce_of_another() {
        let key = SecretKey::derive(&[7; 32], b"PrivacyPass").unwrap();
        let element = |scalar: u64| RistrettoPoint::mul_base(&Scalar::from(scalar)).compress().to_bytes();
        // t2 = s·B + c·K gives r·B away to whoever looks, so equal nonces would show as equal commitments.
        let commitment = |blinded: &[[u8; 32]], entropy: u8| {
            let proof = key.evaluate_blinded(blinded, &[entropy; 32]).unwrap().proof;
            let [c, s] = [&proof[..32], &proof[32..]]
                .map(|half| Scalar::from_canonical_bytes(half.try_into().unwrap()).unwrap());
            RistrettoPoint::vartime_double_scalar_mul_basepoint(&c, key.public_key().point(), &s).compress()
        };
        let first = commitment(&[element(3)], 1);
        assert_eq!(first, commitment(&[element(3)], 1));
        assert_ne!(first, commitment(&[element(3)], 2), "fresh randomness");
        assert_ne!(first, commitment(&[element(4)], 1), "repeated randomness, another statement");
    }
}
