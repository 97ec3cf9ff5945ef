//! What a wallet derives from its seed, so that the seed and repeatable issuance recover every token bought.
//!
//! HKDF-SHA512 (RFC 5869) with the seed as input keying material, no salt, and as info
//!
//! ```text
//! opaque purpose<0..2^16-1>        "claim", "nonce" or "blind"
//! opaque issuer_name<0..2^16-1>
//! opaque token_key_id<0..2^16-1>   32 bytes; empty for a claim, which is made before a key is chosen
//! uint64 order_index
//! uint32 item                      position in the batch; 0 for a claim
//! ```
//!
//! Every length is written out, so no two different questions share an info. 64 bytes are expanded: a blind reduces
//! all of them to a scalar, nonces and claim secrets take the first 32.

use std::fmt;

use farthing_protocol::{Nonce, TokenKeyId};
use farthing_voprf::Blind;
use hkdf::Hkdf;
use sha2::{Digest, Sha256, Sha512};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::seed::Seed;

/// Length of the expanded key material, in bytes.
const EXPANDED_LENGTH: usize = 64;

/// Why nothing could be derived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DerivationError {
    /// The issuer name is longer than the two bytes of its length can say.
    #[error("an issuer name of more than 65535 bytes cannot be derived for")]
    IssuerNameTooLong,
    /// HKDF refused to expand; it never does for one block.
    #[error("HKDF-SHA512 refused to expand {EXPANDED_LENGTH} bytes")]
    Expansion,
    /// The derived scalar is zero: a chance of 2^-252.
    #[error("the seed gives a blind of zero for item {item}; buy the pack again")]
    ZeroBlind {
        /// Position in the batch.
        item: u32,
    },
}

/// The 32 bytes that own an order: the issuer learns their digest when the order is made.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct ClaimSecret([u8; 32]);

impl ClaimSecret {
    /// The claim secret of an issuer's order.
    ///
    /// # Errors
    ///
    /// [`DerivationError::IssuerNameTooLong`].
    pub fn derive(seed: &Seed, issuer_name: &str, order_index: u64) -> Result<Self, DerivationError> {
        let bytes = expand(seed, "claim", issuer_name, &[], order_index, 0)?;
        Ok(Self(first_half(&bytes)))
    }

    /// SHA-256 of the secret: the order's public `claim`.
    pub fn claim(&self) -> [u8; 32] {
        Sha256::digest(self.0).into()
    }

    /// The secret's bytes, for the `Authorization` header alone.
    pub(crate) const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for ClaimSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClaimSecret(<redacted>)")
    }
}

/// The nonce of one token.
///
/// # Errors
///
/// [`DerivationError::IssuerNameTooLong`].
pub fn derive_nonce(
    seed: &Seed,
    issuer_name: &str,
    token_key_id: &TokenKeyId,
    order_index: u64,
    item: u32,
) -> Result<Nonce, DerivationError> {
    let bytes = expand(seed, "nonce", issuer_name, token_key_id.as_bytes(), order_index, item)?;
    Ok(Nonce::from_bytes(first_half(&bytes)))
}

/// The blind of one token.
///
/// # Errors
///
/// [`DerivationError`].
pub fn derive_blind(
    seed: &Seed,
    issuer_name: &str,
    token_key_id: &TokenKeyId,
    order_index: u64,
    item: u32,
) -> Result<Blind, DerivationError> {
    let bytes = expand(seed, "blind", issuer_name, token_key_id.as_bytes(), order_index, item)?;
    Blind::from_uniform_bytes(&bytes).map_err(|_| DerivationError::ZeroBlind { item })
}

fn expand(
    seed: &Seed,
    purpose: &str,
    issuer_name: &str,
    token_key_id: &[u8],
    order_index: u64,
    item: u32,
) -> Result<Zeroizing<[u8; EXPANDED_LENGTH]>, DerivationError> {
    let mut info =
        Vec::with_capacity(2 + purpose.len() + 2 + issuer_name.len() + 2 + token_key_id.len() + 12);
    for part in [purpose.as_bytes(), issuer_name.as_bytes(), token_key_id] {
        let length = u16::try_from(part.len()).map_err(|_| DerivationError::IssuerNameTooLong)?;
        info.extend_from_slice(&length.to_be_bytes());
        info.extend_from_slice(part);
    }
    info.extend_from_slice(&order_index.to_be_bytes());
    info.extend_from_slice(&item.to_be_bytes());

    let mut bytes = Zeroizing::new([0; EXPANDED_LENGTH]);
    Hkdf::<Sha512>::new(None, seed.as_bytes())
        .expand(&info, bytes.as_mut_slice())
        .map_err(|_| DerivationError::Expansion)?;
    Ok(bytes)
}

fn first_half(bytes: &[u8; EXPANDED_LENGTH]) -> [u8; 32] {
    let mut half = [0; 32];
    half.copy_from_slice(&bytes[..32]);
    half
}

#[cfg(test)]
mod tests {
    use hex_literal::hex;

    use super::*;

    const ISSUER_NAME: &str = "issuer.example";

    fn seed() -> Seed {
        Seed::from_bytes(std::array::from_fn(|i| u8::try_from(i).unwrap()))
    }

    fn token_key_id() -> TokenKeyId {
        TokenKeyId::from_bytes(std::array::from_fn(|i| 0x80 + u8::try_from(i).unwrap()))
    }

    /// The expected values were computed with Python's `hmac` and `hashlib` and its integers, from the doc comment
    /// of this module alone.
    #[test]
    fn the_derivation_is_the_documented_one() {
        let secret = ClaimSecret::derive(&seed(), ISSUER_NAME, 7).unwrap();
        assert_eq!(
            secret.as_bytes(),
            &hex!("417b26cf446c373eb669ec1e3e6ecf7ed77c0930bb59f35f118ce2597078158a")
        );
        assert_eq!(secret.claim(), hex!("ca7c52ec299b4fc8481d2db0cec6a56c5159b0e1751f80502974f1730adf903f"));
        assert_eq!(
            derive_nonce(&seed(), ISSUER_NAME, &token_key_id(), 7, 99).unwrap().to_bytes(),
            hex!("447b0db6028f6a4ea590b6a04eb9a8618a105a187a62eff3975acdbd25f8c48d")
        );
        let blind = derive_blind(&seed(), ISSUER_NAME, &token_key_id(), 7, 99).unwrap();
        let scalar =
            Blind::from_bytes(&hex!("11b4a21ce13a58dd3580536cfe88fbfcd5e7caa2d00d44c19fd07d67db65b00b"))
                .unwrap();
        let inputs = [b"any input"];
        assert_eq!(
            farthing_voprf::blind(&inputs, &[blind]).unwrap(),
            farthing_voprf::blind(&inputs, &[scalar]).unwrap()
        );
    }

    #[test]
    fn every_part_of_the_question_changes_the_answer() {
        let nonce = |name: &str, id: &TokenKeyId, order, item| {
            derive_nonce(&seed(), name, id, order, item).unwrap().to_bytes()
        };
        let base = nonce(ISSUER_NAME, &token_key_id(), 1, 2);
        assert_ne!(base, nonce("issuer.exampl", &token_key_id(), 1, 2));
        assert_ne!(base, nonce(ISSUER_NAME, &TokenKeyId::from_bytes([0; 32]), 1, 2));
        assert_ne!(base, nonce(ISSUER_NAME, &token_key_id(), 2, 2));
        assert_ne!(base, nonce(ISSUER_NAME, &token_key_id(), 1, 3));
        assert_ne!(base, nonce(ISSUER_NAME, &token_key_id(), 2, 1));
        assert_ne!(&base, ClaimSecret::derive(&seed(), ISSUER_NAME, 1).unwrap().as_bytes());
    }

    #[test]
    fn debug_output_shows_nothing() {
        let secret = ClaimSecret::derive(&seed(), ISSUER_NAME, 7).unwrap();
        assert_eq!(format!("{secret:?}"), "ClaimSecret(<redacted>)");
    }
}
