use std::fmt;

use crate::{Authenticator, ChallengeDigest, Nonce, Token, TokenKeyId, TokenType};

/// What the VOPRF is evaluated on: the first 98 bytes of a token (RFC 9578, section 5.1).
///
/// ```text
/// token_input = concat(0x0005,              2 bytes
///                      nonce,              32 bytes
///                      challenge_digest,   32 bytes
///                      token_key_id)       32 bytes
/// ```
///
/// Clients build one a token, blind it, and make the token of it with the output; redeemers take it from a token.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenInput {
    bytes: [u8; 98],
    nonce: Nonce,
    challenge_digest: ChallengeDigest,
    token_key_id: TokenKeyId,
}

impl TokenInput {
    /// Length in bytes.
    pub const LENGTH: usize = 98;

    /// The input of the token with this nonce, challenge and key.
    pub fn new(nonce: Nonce, challenge_digest: ChallengeDigest, token_key_id: TokenKeyId) -> Self {
        let token_type = TokenType::VoprfRistretto255.to_bytes();
        let mut bytes = [0; Self::LENGTH];
        let parts = token_type
            .iter()
            .chain(nonce.as_bytes())
            .chain(challenge_digest.as_bytes())
            .chain(token_key_id.as_bytes());
        for (byte, part) in bytes.iter_mut().zip(parts) {
            *byte = *part;
        }
        Self { bytes, nonce, challenge_digest, token_key_id }
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; 98] {
        &self.bytes
    }

    /// The token, once the VOPRF's output for this input is known.
    pub fn into_token(self, authenticator: Authenticator) -> Token {
        Token::new(self.nonce, self.challenge_digest, self.token_key_id, authenticator)
    }
}

impl AsRef<[u8]> for TokenInput {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl fmt::Debug for TokenInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenInput(..)")
    }
}
