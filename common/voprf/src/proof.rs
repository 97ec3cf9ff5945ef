//! The proof that a batch was evaluated under the key of a public key: DLEQ of RFC 9497 section 2.2.

use curve25519_dalek::traits::VartimeMultiscalarMul;
use curve25519_dalek::{RistrettoPoint, Scalar};
use sha2::{Digest, Sha512};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::ciphersuite::{SEED, hash_to_proof_nonce, hash_to_scalar, length_prefix};
use crate::{ELEMENT_LENGTH, PROOF_LENGTH, PublicKey, SCALAR_LENGTH};

/// The 32-byte length prefix of elements.
const ELEMENT_PREFIX: [u8; 2] = [0, 32];

/// The weights d_i of `ComputeComposites`: one scalar for each pair of blinded and evaluated element. All of it is public.
fn weights(
    public_key: &PublicKey,
    blinded: &[[u8; ELEMENT_LENGTH]],
    evaluated: &[[u8; ELEMENT_LENGTH]],
) -> Vec<Scalar> {
    let seed: [u8; 64] = Sha512::new()
        .chain_update(ELEMENT_PREFIX)
        .chain_update(public_key.to_bytes())
        .chain_update(length_prefix(SEED))
        .chain_update(SEED)
        .finalize()
        .into();
    (0..=u16::MAX)
        .zip(blinded.iter().zip(evaluated))
        .map(|(index, (blinded, evaluated))| {
            hash_to_scalar(&[
                &length_prefix(&seed),
                &seed,
                &index.to_be_bytes(),
                &ELEMENT_PREFIX,
                blinded,
                &ELEMENT_PREFIX,
                evaluated,
                b"Composite",
            ])
        })
        .collect()
}

/// The challenge c over the public key, the two composites and the two commitments, all encoded.
fn challenge(public_key: &PublicKey, m: &[u8; 32], z: &[u8; 32], t2: &[u8; 32], t3: &[u8; 32]) -> Scalar {
    hash_to_scalar(&[
        &ELEMENT_PREFIX,
        &public_key.to_bytes(),
        &ELEMENT_PREFIX,
        m,
        &ELEMENT_PREFIX,
        z,
        &ELEMENT_PREFIX,
        t2,
        &ELEMENT_PREFIX,
        t3,
        b"Challenge",
    ])
}

/// `GenerateProof`, by whoever knows k: Z needs no sum of its own, it is k·M.
///
/// `nonce` makes r from the encoded M and Z; see [`derived_nonce`].
pub(crate) fn prove(
    key: &Scalar,
    public_key: &PublicKey,
    points: &[RistrettoPoint],
    blinded: &[[u8; ELEMENT_LENGTH]],
    evaluated: &[[u8; ELEMENT_LENGTH]],
    nonce: impl FnOnce(&[u8; 32], &[u8; 32]) -> Zeroizing<Scalar>,
) -> [u8; PROOF_LENGTH] {
    // M is a sum of public elements with public weights: variable time gives nothing away.
    let composite =
        RistrettoPoint::vartime_multiscalar_mul(weights(public_key, blinded, evaluated).iter(), points);
    let m = composite.compress().to_bytes();
    let z = (composite * key).compress().to_bytes();
    let r = nonce(&m, &z);
    let t2 = RistrettoPoint::mul_base(&r).compress().to_bytes();
    let t3 = (composite * *r).compress().to_bytes();
    let c = challenge(public_key, &m, &z, &t2, &t3);
    let s = *r - c * key;
    let mut proof = [0; PROOF_LENGTH];
    proof[..SCALAR_LENGTH].copy_from_slice(c.as_bytes());
    proof[SCALAR_LENGTH..].copy_from_slice(s.as_bytes());
    proof
}

/// The nonce r of a proof: hashed from the key, fresh randomness and what is proved. Two proofs with one r would give
/// the key away, so r must differ even where a restored snapshot or a weak generator repeats its randomness; M and Z
/// stand for the transcript, because r only has to differ where the challenge does, and the challenge hashes just them.
pub(crate) fn derived_nonce(
    key: &Scalar,
    entropy: &[u8; 32],
    public_key: &PublicKey,
    m: &[u8; 32],
    z: &[u8; 32],
) -> Zeroizing<Scalar> {
    Zeroizing::new(hash_to_proof_nonce(&[key.as_bytes(), entropy, &public_key.to_bytes(), m, z]))
}

/// `VerifyProof`: whether `evaluated` is the batch `blinded` under the key of `public_key`.
pub(crate) fn verify(
    public_key: &PublicKey,
    points: (&[RistrettoPoint], &[RistrettoPoint]),
    blinded: &[[u8; ELEMENT_LENGTH]],
    evaluated: &[[u8; ELEMENT_LENGTH]],
    proof: &[u8; PROOF_LENGTH],
) -> bool {
    let scalar = |half: &[u8]| {
        let bytes = <[u8; SCALAR_LENGTH]>::try_from(half).ok()?;
        Option::<Scalar>::from(Scalar::from_canonical_bytes(bytes))
    };
    let (first, second) = proof.split_at(SCALAR_LENGTH);
    let (Some(c), Some(s)) = (scalar(first), scalar(second)) else { return false };

    let weights = weights(public_key, blinded, evaluated);
    let m = RistrettoPoint::vartime_multiscalar_mul(weights.iter(), points.0);
    let z = RistrettoPoint::vartime_multiscalar_mul(weights.iter(), points.1);
    let t2 = RistrettoPoint::vartime_double_scalar_mul_basepoint(&c, public_key.point(), &s);
    let t3 = RistrettoPoint::vartime_multiscalar_mul([s, c], [m, z]);
    let [m, z, t2, t3] = [m, z, t2, t3].map(|point| point.compress().to_bytes());
    challenge(public_key, &m, &z, &t2, &t3).ct_eq(&c).into()
}
