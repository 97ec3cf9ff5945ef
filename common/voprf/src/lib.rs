//! VOPRF(ristretto255, SHA-512), mode 1 of RFC 9497: the arithmetic of blind issuance and redemption.
//!
//! Everything takes a batch and gives a batch, in wire bytes: whoever computes many elements at once (with one
//! inversion, one multiscalar sum, or one lane of a wide register each) needs no other interface. Nothing here does
//! I/O, reads a clock or draws randomness; whoever calls supplies it.
//!
//! | who | does | with |
//! | --- | --- | --- |
//! | issuer | makes a key | [`SecretKey::derive`] |
//! | client | hides its inputs | [`blind`] |
//! | issuer | evaluates the hidden inputs and proves which key it used | [`SecretKey::evaluate_blinded`] |
//! | client | checks the proof and reveals the outputs | [`finalize`] |
//! | redeemer | computes the output of an input | [`SecretKey::evaluate`] |

mod batch_error;
mod blind;
mod ciphersuite;
mod element;
mod finalize;
mod proof;
mod public_key;
mod secret_key;

pub use batch_error::BatchError;
pub use blind::{Blind, InvalidBlind, blind};
pub use element::InvalidElement;
pub use finalize::{FinalizeError, finalize};
pub use public_key::PublicKey;
pub use secret_key::{BlindEvaluation, DeriveKeyPairError, InvalidSecretKey, SecretKey};

/// Bytes of an encoded group element (Noe of RFC 9497).
pub const ELEMENT_LENGTH: usize = 32;
/// Bytes of an encoded scalar, little-endian (Ns).
pub const SCALAR_LENGTH: usize = 32;
/// Bytes of a proof: challenge and response, a scalar each.
pub const PROOF_LENGTH: usize = 2 * SCALAR_LENGTH;
/// Bytes of an output (Nh).
pub const OUTPUT_LENGTH: usize = 64;
/// Bytes of the seed that a key pair is derived from.
pub const SEED_LENGTH: usize = 32;
/// Most elements of a batch: the proof numbers them with two bytes.
pub const MAX_BATCH: usize = 65_535;
