//! Real keys and tokens for tests.

use std::path::Path;

use farthing_protocol::{
    Authenticator, ChallengeDigest, DERIVATION_INFO, Day, IssuerName, KeyEpoch, KeyFile, Nonce,
    SECONDS_PER_DAY, Token, TokenChallenge, TokenInput, TokenKey, TokenKeyId, TokenSecretKey,
};
use farthing_voprf::SecretKey;

/// The issuer of every test.
pub const ISSUER: &str = "issuer.localhost";
/// One o'clock on the first day of the keys of [`TestKey::new`].
pub const NOW: u64 = 20_778 * SECONDS_PER_DAY + 3_600;

/// The digest of the challenge that every token answers.
pub fn challenge_digest() -> ChallengeDigest {
    TokenChallenge::for_purchase(IssuerName::new(ISSUER).unwrap()).digest()
}

/// A token key that redeems what it made itself.
pub struct TestKey(TokenSecretKey);

impl TestKey {
    /// A key of a cent whose epoch of 28 and 84 days begins on the day of [`NOW`]; each seed has its own.
    pub fn new(seed: u8) -> Self {
        Self::starting(seed, 0, "EUR-10000")
    }

    /// A key whose epoch begins `offset` days from that day.
    pub fn starting(seed: u8, offset: i32, denomination: &str) -> Self {
        let first =
            Day::from_unix(NOW).number().checked_add_signed(offset).and_then(Day::from_number).unwrap();
        Self(TokenSecretKey::new(
            SecretKey::derive(&[seed; 32], DERIVATION_INFO).unwrap(),
            IssuerName::new(ISSUER).unwrap(),
            denomination.parse().unwrap(),
            KeyEpoch::starting(first, 28, 84).unwrap(),
            NOW,
            1_000,
        ))
    }

    pub fn facts(&self) -> &TokenKey {
        self.0.facts()
    }

    pub fn secret(&self) -> &SecretKey {
        self.0.secret()
    }

    pub fn id(&self) -> TokenKeyId {
        self.facts().token_key_id()
    }

    /// The token with the nonce that `number` gives.
    pub fn token(&self, number: u32) -> Token {
        self.token_for(number, challenge_digest())
    }

    /// A token that answers another challenge.
    pub fn token_for(&self, number: u32, challenge: ChallengeDigest) -> Token {
        let mut nonce = [0; 32];
        nonce[..4].copy_from_slice(&number.to_be_bytes());
        let input = TokenInput::new(Nonce::from_bytes(nonce), challenge, self.id());
        let [output] = self.secret().evaluate(&[&input]).unwrap().try_into().unwrap();
        input.into_token(Authenticator::from_bytes(output))
    }

    /// Writes its file into a keyring.
    pub fn write(&self, keyring: &Path) {
        let path = keyring.join(format!("{}.key", self.facts().file_stem()));
        std::fs::write(path, KeyFile::encode(&self.0).as_str()).unwrap();
    }

    /// Marks it revoked in a keyring.
    pub fn revoke(&self, keyring: &Path) {
        std::fs::write(keyring.join(format!("{}.revoked", self.facts().file_stem())), "2026-11-21\n")
            .unwrap();
    }
}
