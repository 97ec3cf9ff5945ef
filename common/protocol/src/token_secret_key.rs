use std::fmt;

use farthing_voprf::SecretKey;

use crate::{Denomination, IssuerName, KeyEpoch, TokenKey};

/// The `info` of DeriveKeyPair for token keys (RFC 9578, section 5.5; RFC 9497, section 3.2.1).
pub const DERIVATION_INFO: &[u8] = b"PrivacyPass";

/// A token key with its secret: what signs packs and recognizes tokens.
///
/// It has no Clone, Debug shows the public facts alone, and the secret is wiped when dropped.
pub struct TokenSecretKey {
    facts: TokenKey,
    secret: SecretKey,
}

impl TokenSecretKey {
    /// Joins a secret with its facts; public key and id are computed from the secret. `created` is a unix second,
    /// `capacity` the number of tokens expected.
    pub fn new(
        secret: SecretKey,
        issuer_name: IssuerName,
        denomination: Denomination,
        epoch: KeyEpoch,
        created: u64,
        capacity: u64,
    ) -> Self {
        let public_key = secret.public_key().clone();
        let facts = TokenKey::new(public_key, issuer_name, denomination, epoch, created, capacity);
        Self { facts, secret }
    }

    /// What everybody may know of it.
    pub const fn facts(&self) -> &TokenKey {
        &self.facts
    }

    /// The secret, to evaluate with.
    pub const fn secret(&self) -> &SecretKey {
        &self.secret
    }
}

impl fmt::Debug for TokenSecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenSecretKey").field("facts", &self.facts).finish_non_exhaustive()
    }
}
