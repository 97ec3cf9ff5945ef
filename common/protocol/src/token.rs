use crate::reader::Reader;
use crate::{
    Authenticator, ChallengeDigest, DecodeError, InvalidIdentifier, Nonce, TokenInput, TokenKeyId, base64url,
};

/// A token, as a client shows it (RFC 9577, section 2.2.1), 162 bytes.
///
/// ```text
/// struct {
///     uint16_t token_type = 0x0005;      2 bytes
///     uint8_t nonce[32];                32 bytes
///     uint8_t challenge_digest[32];     32 bytes
///     uint8_t token_key_id[Nid];        32 bytes
///     uint8_t authenticator[Nk];        64 bytes
/// } Token;
/// ```
///
/// It is money to whoever holds it: no Clone, and Debug hides nonce and authenticator.
#[derive(Debug, PartialEq, Eq)]
#[expect(clippy::struct_field_names, reason = "the RFC names it so")]
pub struct Token {
    nonce: Nonce,
    challenge_digest: ChallengeDigest,
    token_key_id: TokenKeyId,
    authenticator: Authenticator,
}

impl Token {
    /// Length in bytes.
    pub const LENGTH: usize = 162;

    /// A token of its parts.
    pub const fn new(
        nonce: Nonce,
        challenge_digest: ChallengeDigest,
        token_key_id: TokenKeyId,
        authenticator: Authenticator,
    ) -> Self {
        Self { nonce, challenge_digest, token_key_id, authenticator }
    }

    /// What makes the token unique.
    pub const fn nonce(&self) -> &Nonce {
        &self.nonce
    }

    /// Digest of the challenge that it answers.
    pub const fn challenge_digest(&self) -> &ChallengeDigest {
        &self.challenge_digest
    }

    /// Id of the key that issued it, as the token says.
    pub const fn token_key_id(&self) -> &TokenKeyId {
        &self.token_key_id
    }

    /// The VOPRF's output, as the token says.
    pub const fn authenticator(&self) -> &Authenticator {
        &self.authenticator
    }

    /// What the VOPRF is to be evaluated on, to compare with the authenticator.
    pub fn token_input(&self) -> TokenInput {
        TokenInput::new(self.nonce, self.challenge_digest, self.token_key_id)
    }

    /// The bytes of the wire.
    pub fn encode(&self) -> [u8; Self::LENGTH] {
        let input = self.token_input();
        let mut bytes = [0; Self::LENGTH];
        let parts = input.as_bytes().iter().chain(self.authenticator.as_bytes());
        for (byte, part) in bytes.iter_mut().zip(parts) {
            *byte = *part;
        }
        bytes
    }

    /// Reads one token, which must be all of `message`.
    ///
    /// # Errors
    /// [`DecodeError`] naming `token_type`, `nonce`, `challenge_digest`, `token_key_id` or `authenticator`, or
    /// `token` when bytes follow.
    pub fn decode(message: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(message);
        let token = Self::read(&mut reader)?;
        reader.finish("token")?;
        Ok(token)
    }

    /// Reads tokens back to back, which must be all of `message`; none is an empty list.
    ///
    /// # Errors
    /// As [`Self::decode`], for the first token that does not decode.
    pub fn decode_all(message: &[u8]) -> Result<Vec<Self>, DecodeError> {
        let mut reader = Reader::new(message);
        let mut tokens = Vec::with_capacity(message.len() / Self::LENGTH);
        while reader.left() > 0 {
            let index = tokens.len();
            let token = Self::read(&mut reader).map_err(|error| DecodeError {
                field: format!("tokens[{index}].{}", error.field).into(),
                reason: error.reason,
            })?;
            tokens.push(token);
        }
        Ok(tokens)
    }

    /// The token as base64url, 216 characters (162 bytes need no padding).
    pub fn to_base64url(&self) -> String {
        base64url::encode_padded(&self.encode())
    }

    /// The 162 bytes of base64url text; [`Self::decode`] reads them.
    ///
    /// # Errors
    /// [`InvalidIdentifier`] when the text is not base64url of 162 bytes.
    pub fn bytes_of_base64url(text: &str) -> Result<[u8; Self::LENGTH], InvalidIdentifier> {
        base64url::decode_array(text).ok_or(InvalidIdentifier { expected: Self::LENGTH })
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        reader.token_type()?;
        Ok(Self {
            nonce: Nonce::from_bytes(reader.array("nonce")?),
            challenge_digest: ChallengeDigest::from_bytes(reader.array("challenge_digest")?),
            token_key_id: TokenKeyId::from_bytes(reader.array("token_key_id")?),
            authenticator: Authenticator::from_bytes(reader.array("authenticator")?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token() -> Token {
        Token::new(
            Nonce::from_bytes([1; 32]),
            ChallengeDigest::from_bytes([2; 32]),
            TokenKeyId::from_bytes([3; 32]),
            Authenticator::from_bytes([4; 64]),
        )
    }

    #[test]
    fn the_layout_is_the_standards() {
        let bytes = [&[0, 5][..], &[1; 32], &[2; 32], &[3; 32], &[4; 64]].concat();
        assert_eq!(token().encode()[..], bytes);
        assert_eq!(Token::decode(&bytes), Ok(token()));
        assert_eq!(token().token_input().as_bytes()[..], bytes[..98]);
        assert_eq!(token().token_input().into_token(Authenticator::from_bytes([4; 64])), token());
    }

    #[test]
    fn debug_hides_what_is_worth_money() {
        let text = format!("{:?}", token());
        assert_eq!(
            text,
            "Token { nonce: Nonce(..), \
             challenge_digest: ChallengeDigest(AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI), \
             token_key_id: TokenKeyId(AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM), \
             authenticator: Authenticator(..) }"
        );
    }

    #[test]
    fn other_lengths_and_types_are_refused() {
        let bytes = token().encode();
        let refusal = |message: &[u8]| Token::decode(message).unwrap_err().to_string();
        for length in 0..bytes.len() {
            assert!(refusal(&bytes[..length]).contains("left"), "{length}");
        }
        assert_eq!(refusal(&[&bytes[..], &[0]].concat()), "token: 1 bytes too many");
        assert_eq!(
            refusal(&[0xff; 162]),
            "token_type: 0xffff instead of 0x0005 (VOPRF ristretto255, SHA-512)"
        );
    }

    #[test]
    fn several_stand_back_to_back() {
        let bytes = token().encode();
        assert_eq!(Token::decode_all(&[]).unwrap(), []);
        assert_eq!(Token::decode_all(&[bytes, bytes].concat()).unwrap(), [token(), token()]);
        let refusal = Token::decode_all(&[&bytes[..], &bytes[..161]].concat()).unwrap_err();
        assert_eq!(refusal.to_string(), "tokens[1].authenticator: 64 bytes expected, 63 left");
    }

    #[test]
    fn text_is_base64url() {
        let text = token().to_base64url();
        assert_eq!(text.len(), 216);
        assert_eq!(Token::bytes_of_base64url(&text), Ok(token().encode()));
        assert!(Token::bytes_of_base64url(&text[1..]).is_err());
    }
}
