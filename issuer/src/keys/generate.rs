use farthing_protocol::{
    DERIVATION_INFO, IssuerName, SECONDS_PER_DAY, TokenKeyId, TokenSecretKey, TruncatedTokenKeyId,
};
use farthing_service::keyring::Keyring;
use farthing_voprf::SecretKey;
use thiserror::Error;
use zeroize::Zeroizing;

use super::Planned;

/// A truncated id is free again this long after the tokens of its last holder stopped being taken.
const TRUNCATED_ID_REST_DAYS: u64 = 30;
/// Tries until a key with a free truncated id is found: with 128 ids taken of 256, all would fail once in 2^1000.
const TRIES: u32 = 1_000;

/// Why no key was made.
#[derive(Debug, Error)]
pub enum GenerateError {
    /// The system gave no randomness.
    #[error("the system gave no randomness: {0}")]
    Randomness(#[from] getrandom::Error),
    /// Every one of the 256 truncated ids has a holder.
    #[error("every truncated token key id is taken; use fewer denominations or longer epochs")]
    NoFreeId,
}

/// Makes a key whose truncated id no key of the keyring has, until 30 days after that one has ended.
///
/// # Errors
/// There is no randomness or no free truncated id.
pub fn new_key(
    keyring: &Keyring,
    issuer_name: &IssuerName,
    planned: Planned,
    capacity: u64,
    now: u64,
) -> Result<TokenSecretKey, GenerateError> {
    let taken: Vec<TruncatedTokenKeyId> = keyring
        .entries()
        .into_iter()
        .map(farthing_service::keyring::KeyringEntry::facts)
        .filter(|key| now < key.epoch().redeem_until().start() + TRUNCATED_ID_REST_DAYS * SECONDS_PER_DAY)
        .map(|key| key.token_key_id().truncated())
        .collect();
    for _ in 0..TRIES {
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::fill(&mut *seed)?;
        let Ok(secret) = SecretKey::derive(&seed, DERIVATION_INFO) else { continue };
        if !taken.contains(&TokenKeyId::of(secret.public_key()).truncated()) {
            let Planned { denomination, epoch } = planned;
            return Ok(TokenSecretKey::new(secret, issuer_name.clone(), denomination, epoch, now, capacity));
        }
    }
    Err(GenerateError::NoFreeId)
}
