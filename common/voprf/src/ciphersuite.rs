//! The hash functions of the suite: RFC 9497 section 4.1, on `expand_message_xmd` of RFC 9380 section 5.3.1.

use std::sync::LazyLock;

use curve25519_dalek::{RistrettoPoint, Scalar};
use sha2::{Digest, Sha512};
use zeroize::Zeroize;

/// `"OPRFV1-" | mode 1 | "-ristretto255-SHA512"`, as the end of every domain separation tag.
macro_rules! tag {
    ($name:literal) => {
        concat!($name, "OPRFV1-\x01-ristretto255-SHA512").as_bytes()
    };
}

const HASH_TO_GROUP: &[u8] = tag!("HashToGroup-");
const HASH_TO_SCALAR: &[u8] = tag!("HashToScalar-");
const DERIVE_KEY_PAIR: &[u8] = tag!("DeriveKeyPair");
/// Ours, not the RFC's: no other hash of the suite can ever see the input that a proof's nonce comes from.
const PROOF_NONCE: &[u8] = tag!("FarthingProofNonce-");
/// Prefix of the seed from which the weights of a batch proof are hashed.
pub(crate) const SEED: &[u8] = tag!("Seed-");

/// SHA-512 after the block of zeros that every expansion begins with, hashed once for all of them.
static AFTER_ZERO_BLOCK: LazyLock<Sha512> = LazyLock::new(|| Sha512::new().chain_update([0_u8; 128]));

/// The length prefix of the RFC's transcripts: two bytes, big-endian. Callers have refused anything longer.
pub(crate) fn length_prefix(bytes: &[u8]) -> [u8; 2] {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "inputs over 65,535 bytes are refused where they enter"
    )]
    (bytes.len() as u16).to_be_bytes()
}

/// `expand_message_xmd` for the one length that the suite asks for, 64 bytes, which is one block of SHA-512.
fn expand(message: &[&[u8]], tag: &[u8]) -> [u8; 64] {
    #[expect(clippy::cast_possible_truncation, reason = "the tags above are shorter than 256 bytes")]
    let tag_length = [tag.len() as u8];
    let mut hash = AFTER_ZERO_BLOCK.clone();
    for part in message {
        hash.update(part);
    }
    let first = hash.chain_update([0, 64, 0]).chain_update(tag).chain_update(tag_length).finalize();
    Sha512::new()
        .chain_update(first)
        .chain_update([1])
        .chain_update(tag)
        .chain_update(tag_length)
        .finalize()
        .into()
}

/// `HashToGroup`: the element of an input.
pub(crate) fn hash_to_group(input: &[u8]) -> RistrettoPoint {
    RistrettoPoint::from_uniform_bytes(&expand(&[input], HASH_TO_GROUP))
}

/// `HashToScalar` of the concatenated parts.
pub(crate) fn hash_to_scalar(parts: &[&[u8]]) -> Scalar {
    reduce(expand(parts, HASH_TO_SCALAR))
}

/// `HashToScalar` under the tag of `DeriveKeyPair`.
pub(crate) fn hash_to_secret_key(parts: &[&[u8]]) -> Scalar {
    reduce(expand(parts, DERIVE_KEY_PAIR))
}

/// `HashToScalar` under the tag of a proof's nonce.
pub(crate) fn hash_to_proof_nonce(parts: &[&[u8]]) -> Scalar {
    reduce(expand(parts, PROOF_NONCE))
}

fn reduce(mut wide: [u8; 64]) -> Scalar {
    let scalar = Scalar::from_bytes_mod_order_wide(&wide);
    wide.zeroize();
    scalar
}

/// The last step of `Finalize` and `Evaluate`: the output of an input and its unblinded element.
pub(crate) fn output(input: &[u8], element: &[u8; 32]) -> [u8; 64] {
    Sha512::new()
        .chain_update(length_prefix(input))
        .chain_update(input)
        .chain_update([0, 32])
        .chain_update(element)
        .chain_update(b"Finalize")
        .finalize()
        .into()
}
