use farthing_voprf::PublicKey;
use sha2::{Digest, Sha256};

use crate::{Denomination, IssuerName, KeyEpoch, TokenKeyId};

/// Separates this digest from every other use of SHA-256, and its versions from each other.
const DIGEST_LABEL: &[u8] = b"farthing token key v1";

/// What everybody may know of a token key. None of it ever changes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_field_names, reason = "the RFC names it so")]
pub struct TokenKey {
    token_key_id: TokenKeyId,
    public_key: PublicKey,
    issuer_name: IssuerName,
    denomination: Denomination,
    epoch: KeyEpoch,
    created: u64,
    capacity: u64,
}

impl TokenKey {
    /// The facts about a public key; the id is computed. `created` is a unix second, `capacity` the number of tokens
    /// that the operator expects to issue.
    pub fn new(
        public_key: PublicKey,
        issuer_name: IssuerName,
        denomination: Denomination,
        epoch: KeyEpoch,
        created: u64,
        capacity: u64,
    ) -> Self {
        let token_key_id = TokenKeyId::of(&public_key);
        Self { token_key_id, public_key, issuer_name, denomination, epoch, created, capacity }
    }

    /// SHA-256 of the public key.
    pub const fn token_key_id(&self) -> TokenKeyId {
        self.token_key_id
    }

    /// The public key.
    pub const fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// The issuer that challenges for its tokens name.
    pub const fn issuer_name(&self) -> &IssuerName {
        &self.issuer_name
    }

    /// What one token is worth.
    pub const fn denomination(&self) -> Denomination {
        self.denomination
    }

    /// When it issues, and until when its tokens are taken.
    pub const fn epoch(&self) -> KeyEpoch {
        self.epoch
    }

    /// Unix second in which it was made.
    pub const fn created(&self) -> u64 {
        self.created
    }

    /// Tokens that the operator expects to issue under it.
    pub const fn capacity(&self) -> u64 {
        self.capacity
    }

    /// The name of its file without ending: denomination and first day, as in `EUR-10000.2026-11-21`.
    pub fn file_stem(&self) -> String {
        format!("{}.{}", self.denomination, self.epoch.not_before())
    }

    /// SHA-256 over every fact, which a store pins at first sight so that a changed file is refused.
    ///
    /// ```text
    /// "farthing token key v1"   21 bytes
    /// public_key                32 bytes (the id follows from it)
    /// currency                   3 bytes
    /// value_micros               8 bytes
    /// not_before, issue_until, redeem_until   4 bytes each, days since 1970-01-01
    /// created, capacity          8 bytes each
    /// issuer_name                the rest
    /// ```
    ///
    /// All fields but the last have one length, so that no two keys share an encoding.
    pub fn immutable_digest(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(DIGEST_LABEL);
        hash.update(self.public_key.to_bytes());
        hash.update(self.denomination.currency().code());
        hash.update(self.denomination.value_micros().get().to_be_bytes());
        for day in [self.epoch.not_before(), self.epoch.issue_until(), self.epoch.redeem_until()] {
            hash.update(day.number().to_be_bytes());
        }
        hash.update(self.created.to_be_bytes());
        hash.update(self.capacity.to_be_bytes());
        hash.update(self.issuer_name.as_str());
        hash.finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use farthing_voprf::SecretKey;

    use super::*;
    use crate::Day;

    fn key(
        seed: u8,
        issuer: &str,
        denomination: &str,
        days: [u32; 3],
        created: u64,
        capacity: u64,
    ) -> TokenKey {
        let [a, b, c] = days.map(|number| Day::from_number(number).unwrap());
        TokenKey::new(
            SecretKey::derive(&[seed; 32], b"PrivacyPass").unwrap().public_key().clone(),
            IssuerName::new(issuer).unwrap(),
            denomination.parse().unwrap(),
            KeyEpoch::new(a, b, c).unwrap(),
            created,
            capacity,
        )
    }

    #[test]
    fn the_digest_covers_every_fact() {
        let days = [20_778, 20_806, 20_890];
        let all = [
            key(1, "a.example", "EUR-10000", days, 5, 6),
            key(2, "a.example", "EUR-10000", days, 5, 6),
            key(1, "b.example", "EUR-10000", days, 5, 6),
            key(1, "a.example", "USD-10000", days, 5, 6),
            key(1, "a.example", "EUR-10001", days, 5, 6),
            key(1, "a.example", "EUR-10000", [20_779, 20_806, 20_890], 5, 6),
            key(1, "a.example", "EUR-10000", [20_778, 20_807, 20_890], 5, 6),
            key(1, "a.example", "EUR-10000", [20_778, 20_806, 20_891], 5, 6),
            key(1, "a.example", "EUR-10000", days, 6, 6),
            key(1, "a.example", "EUR-10000", days, 5, 7),
        ];
        let digests: HashSet<_> = all.iter().map(TokenKey::immutable_digest).collect();
        assert_eq!(digests.len(), all.len());
        assert_eq!(all[0].immutable_digest(), all[0].clone().immutable_digest());
        assert_eq!(all[0].file_stem(), "EUR-10000.2026-11-21");
    }
}
