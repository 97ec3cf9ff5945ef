use crate::{HeaderError, Token, base64url, header_attributes};

const TOKEN: &str = "token";
const TOKENS: &str = "tokens";

/// The value of an Authorization header that pays with tokens.
///
/// ```text
/// PrivateToken token="<base64url of Token>"                   RFC 9577, section 2.2.2
/// PrivateToken tokens="<base64url of Tokens, back to back>"   ours, for a price of 2 to 30 tokens
/// ```
///
/// Unknown attributes are passed over. Debug hides nonces and authenticators.
#[derive(Debug, PartialEq, Eq)]
pub struct RedemptionHeader {
    tokens: Vec<Token>,
}

impl RedemptionHeader {
    /// The header's name.
    pub const NAME: &str = "Authorization";
    /// The most tokens that a header carries: 30 of 216 characters pass the usual limits of proxies.
    pub const MAX_TOKENS: usize = 30;

    /// Pays with 1 to 30 tokens.
    ///
    /// # Errors
    /// [`HeaderError::TokenCount`] when there are none or more.
    pub fn new(tokens: Vec<Token>) -> Result<Self, HeaderError> {
        let (count, limit) = (tokens.len(), Self::MAX_TOKENS);
        if count == 0 || count > limit {
            return Err(HeaderError::TokenCount { count, limit });
        }
        Ok(Self { tokens })
    }

    /// The tokens, 1 to 30.
    pub fn tokens(&self) -> &[Token] {
        &self.tokens
    }

    /// The tokens, to be spent.
    pub fn into_tokens(self) -> Vec<Token> {
        self.tokens
    }

    /// The header's value: `token` for one, `tokens` for several.
    pub fn encode(&self) -> String {
        let name = if self.tokens.len() == 1 { TOKEN } else { TOKENS };
        let bytes: Vec<u8> = self.tokens.iter().flat_map(Token::encode).collect();
        header_attributes::write(&[(name, base64url::encode_padded(&bytes))])
    }

    /// Reads a header's value.
    ///
    /// # Errors
    /// [`HeaderError`] when the value is not of the grammar, is of another scheme, has neither or both of `token` and
    /// `tokens`, or their value is not base64url of 1 to 30 tokens of our type (`token`: of one).
    pub fn decode(value: &str) -> Result<Self, HeaderError> {
        let parsed = header_attributes::parse(value)?;
        let [credentials] = parsed.as_slice() else { return Err(HeaderError::Scheme) };
        if !credentials.is_private_token() {
            return Err(HeaderError::Scheme);
        }
        let tokens = match (credentials.attribute(TOKEN)?, credentials.attribute(TOKENS)?) {
            (None, None) => return Err(HeaderError::Missing { attribute: TOKEN }),
            (Some(_), Some(_)) => return Err(HeaderError::Value { attribute: TOKENS, expected: "alone" }),
            (Some(one), None) => {
                let token = Token::decode(&bytes(TOKEN, one)?);
                vec![token.map_err(|error| HeaderError::Token { attribute: TOKEN, error })?]
            }
            (None, Some(several)) => {
                let tokens = Token::decode_all(&bytes(TOKENS, several)?);
                tokens.map_err(|error| HeaderError::Token { attribute: TOKENS, error })?
            }
        };
        Self::new(tokens)
    }
}

fn bytes(attribute: &'static str, text: &str) -> Result<Vec<u8>, HeaderError> {
    base64url::decode(text).ok_or(HeaderError::Value { attribute, expected: "base64url" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Authenticator, ChallengeDigest, Nonce, TokenKeyId};

    fn tokens(count: u8) -> Vec<Token> {
        let token = |number| {
            Token::new(
                Nonce::from_bytes([number; 32]),
                ChallengeDigest::from_bytes([2; 32]),
                TokenKeyId::from_bytes([3; 32]),
                Authenticator::from_bytes([4; 64]),
            )
        };
        (0..count).map(token).collect()
    }

    fn refusal(value: &str) -> String {
        RedemptionHeader::decode(value).unwrap_err().to_string()
    }

    #[test]
    fn one_token_is_the_standards_form_and_several_are_ours() {
        for (count, start) in [(1, "PrivateToken token=\"AAU"), (2, "PrivateToken tokens=\"AAU"), (30, "Pri")]
        {
            let value = RedemptionHeader::new(tokens(count)).unwrap().encode();
            assert!(value.starts_with(start));
            let read = RedemptionHeader::decode(&value).unwrap();
            assert_eq!(read.tokens(), tokens(count));
            assert_eq!(read.encode(), value);
            assert_eq!(read.into_tokens(), tokens(count));
        }
        assert!(RedemptionHeader::new(tokens(0)).is_err());
        assert!(RedemptionHeader::new(tokens(31)).is_err());
    }

    #[test]
    fn debug_hides_what_is_worth_money() {
        let header = RedemptionHeader::new(tokens(1)).unwrap();
        assert_eq!(format!("{header:?}"), format!("RedemptionHeader {{ tokens: {:?} }}", tokens(1)));
        assert!(format!("{header:?}").contains("authenticator: Authenticator(..)"));
    }

    #[test]
    fn credentials_that_cannot_be_read_are_refused() {
        let token = tokens(1)[0].to_base64url();
        let many = base64url::encode_padded(&tokens(31).iter().flat_map(Token::encode).collect::<Vec<_>>());
        for (value, expected) in [
            (String::new(), "not of the scheme PrivateToken"),
            (format!("Bearer {token}"), "not of the scheme PrivateToken"),
            (
                format!("PrivateToken token={token}, PrivateToken token={token}"),
                "not of the scheme PrivateToken",
            ),
            (format!("PrivateToken {token}"), "the attribute token is missing"),
            (format!("PrivateToken token={token}, token={token}"), "the attribute token stands twice"),
            (format!("PrivateToken token={token}, tokens={token}"), "the attribute tokens must be alone"),
            (format!("PrivateToken token=\"{token}=\""), "the attribute token must be base64url"),
            (format!("PrivateToken token={token}{token}"), "the attribute token: token: 162 bytes too many"),
            ("PrivateToken tokens=\"\"".to_owned(), "0 tokens, 1 to 30 are allowed in a header"),
            (format!("PrivateToken tokens={many}"), "31 tokens, 1 to 30 are allowed in a header"),
            (
                format!("PrivateToken tokens={}", &token[..200]),
                "the attribute tokens: tokens[0].authenticator: 64 bytes expected, 52 left",
            ),
        ] {
            assert_eq!(refusal(&value), expected, "{value}");
        }
        let unknown = RedemptionHeader::decode(&format!("privatetoken x=1, Token={token}"));
        assert_eq!(unknown.unwrap().tokens(), tokens(1));
    }
}
