use farthing_voprf::PublicKey;

use crate::header_attributes::{self, Challenge};
use crate::{DecodeError, HeaderError, TokenChallenge, base64url};

const CHALLENGE: &str = "challenge";
const TOKEN_KEY: &str = "token-key";
const MAX_AGE: &str = "max-age";
const PRICE_MICROS: &str = "price-micros";
const CURRENCY: &str = "currency";

/// One challenge of a WWW-Authenticate header (RFC 9577, section 2.1.2).
///
/// ```text
/// PrivateToken challenge="<base64url of TokenChallenge>", token-key="<base64url of the public key>", max-age=N
/// PrivateToken challenge=..., token-key=..., price-micros="50000", currency="EUR"              ours: what a page costs
/// ```
///
/// Challenge and key are kept as bytes: one answer may also challenge for token types that are not ours, which a
/// client has to pass over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrivateTokenChallenge {
    /// The encoded TokenChallenge, of any token type.
    pub challenge: Vec<u8>,
    /// The serialized public key, of any token type, if it is given.
    pub token_key: Option<Vec<u8>>,
    /// Seconds for which the challenge may be answered, if that is limited.
    pub max_age: Option<u64>,
    /// What is to be paid, in millionths of the currency's unit, if that is said.
    pub price_micros: Option<u64>,
    /// The code of the price's currency, three capital letters, if that is said. It need not be one that we know.
    pub currency: Option<String>,
}

impl PrivateTokenChallenge {
    /// Asks for a token of this key.
    pub fn new(challenge: &TokenChallenge, token_key: &PublicKey) -> Self {
        let token_key = Some(token_key.to_bytes().to_vec());
        Self { challenge: challenge.encode(), token_key, max_age: None, price_micros: None, currency: None }
    }

    /// The challenge, if it is for a token of our type.
    ///
    /// # Errors
    /// [`DecodeError`] when it is for another type or does not decode.
    pub fn token_challenge(&self) -> Result<TokenChallenge, DecodeError> {
        TokenChallenge::decode(&self.challenge)
    }

    fn encode(&self) -> String {
        let mut attributes = vec![(CHALLENGE, base64url::encode_padded(&self.challenge))];
        if let Some(token_key) = &self.token_key {
            attributes.push((TOKEN_KEY, base64url::encode_padded(token_key)));
        }
        if let Some(price_micros) = self.price_micros {
            attributes.push((PRICE_MICROS, price_micros.to_string()));
        }
        if let Some(currency) = &self.currency {
            attributes.push((CURRENCY, currency.clone()));
        }
        let max_age = self.max_age.map_or(String::new(), |seconds| format!(", {MAX_AGE}={seconds}"));
        header_attributes::write(&attributes) + &max_age
    }

    fn read(challenge: &Challenge<'_>) -> Result<Self, HeaderError> {
        let bytes = |attribute| {
            let text = challenge.attribute(attribute)?;
            let decoded = text.map(|text| {
                base64url::decode(text).ok_or(HeaderError::Value { attribute, expected: "base64url" })
            });
            decoded.transpose()
        };
        let number = |attribute, expected| {
            let text = challenge.attribute(attribute)?;
            let parsed = text.map(|text| {
                let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
                let number = if digits { text.parse().ok() } else { None };
                number.ok_or(HeaderError::Value { attribute, expected })
            });
            parsed.transpose()
        };
        let currency = challenge.attribute(CURRENCY)?.map(|text| {
            let is_code = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase());
            let wrong = HeaderError::Value { attribute: CURRENCY, expected: "three capital letters" };
            if is_code { Ok(text.to_owned()) } else { Err(wrong) }
        });
        Ok(Self {
            challenge: bytes(CHALLENGE)?.ok_or(HeaderError::Missing { attribute: CHALLENGE })?,
            token_key: bytes(TOKEN_KEY)?,
            max_age: number(MAX_AGE, "a number of seconds")?,
            price_micros: number(PRICE_MICROS, "a number of millionths")?,
            currency: currency.transpose()?,
        })
    }
}

/// The value of a WWW-Authenticate header that asks for tokens: one or several challenges.
///
/// Challenges of other schemes and attributes that are not known are passed over. Values are written in quotes and
/// with padding (RFC 9577, section 2.1.2) and read with or without.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChallengeHeader {
    /// The challenges, in the origin's order.
    pub challenges: Vec<PrivateTokenChallenge>,
}

impl ChallengeHeader {
    /// The header's name.
    pub const NAME: &str = "WWW-Authenticate";

    /// The header's value.
    pub fn encode(&self) -> String {
        let written: Vec<_> = self.challenges.iter().map(PrivateTokenChallenge::encode).collect();
        written.join(", ")
    }

    /// Reads a header's value.
    ///
    /// # Errors
    /// [`HeaderError`] when the value is not of the grammar, has no challenge of the scheme PrivateToken, or one that
    /// lacks `challenge`, has an attribute twice, or one that is not of its form.
    pub fn decode(value: &str) -> Result<Self, HeaderError> {
        let parsed = header_attributes::parse(value)?;
        let ours = parsed.iter().filter(|challenge| challenge.is_private_token());
        let challenges = ours.map(PrivateTokenChallenge::read).collect::<Result<Vec<_>, _>>()?;
        if challenges.is_empty() { Err(HeaderError::Scheme) } else { Ok(Self { challenges }) }
    }
}

#[cfg(test)]
mod tests {
    use farthing_voprf::SecretKey;

    use super::*;
    use crate::{DERIVATION_INFO, IssuerName};

    fn challenge() -> PrivateTokenChallenge {
        let issuer = IssuerName::new("issuer.example").unwrap();
        let key = SecretKey::derive(&[7; 32], DERIVATION_INFO).unwrap();
        PrivateTokenChallenge::new(&TokenChallenge::for_purchase(issuer), key.public_key())
    }

    fn refusal(value: &str) -> String {
        ChallengeHeader::decode(value).unwrap_err().to_string()
    }

    #[test]
    fn several_challenges_share_a_value() {
        let limited = PrivateTokenChallenge { max_age: Some(10), token_key: None, ..challenge() };
        let header = ChallengeHeader { challenges: vec![limited, challenge()] };
        let value = header.encode();
        assert!(value.starts_with(
            "PrivateToken challenge=\"AAUADmlzc3Vlci5leGFtcGxlAAAA\", max-age=10, \
             PrivateToken challenge=\"AAUADmlzc3Vlci5leGFtcGxlAAAA\", token-key=\""
        ));
        assert!(value.ends_with("=\""), "padding is written");
        assert_eq!(ChallengeHeader::decode(&value), Ok(header));
    }

    #[test]
    fn a_price_stands_beside_its_challenge() {
        let currency = Some("EUR".to_owned());
        let priced = PrivateTokenChallenge { price_micros: Some(50_000), currency, ..challenge() };
        let value = priced.encode();
        assert!(value.ends_with("\", price-micros=\"50000\", currency=\"EUR\""), "{value}");
        let header = ChallengeHeader { challenges: vec![priced, challenge()] };
        assert_eq!(ChallengeHeader::decode(&header.encode()), Ok(header));
    }

    #[test]
    fn what_is_unknown_is_passed_over() {
        let value =
            "Basic realm=\"x\", privatetoken CHALLENGE=AAIAAWEAAAA, nice-colour=5, Foo a=b, Negotiate";
        let header = ChallengeHeader::decode(value).unwrap();
        let [only] = &header.challenges[..] else { panic!("one challenge") };
        assert_eq!((&only.token_key, only.max_age), (&None, None));
        let error = only.token_challenge().unwrap_err();
        assert_eq!(error.to_string(), "token_type: 0x0002 instead of 0x0005 (VOPRF ristretto255, SHA-512)");
    }

    #[test]
    fn challenges_that_cannot_be_read_are_refused() {
        for (value, expected) in [
            ("", "not of the scheme PrivateToken"),
            ("Basic realm=x", "not of the scheme PrivateToken"),
            ("PrivateToken", "the attribute challenge is missing"),
            ("PrivateToken token-key=AA", "the attribute challenge is missing"),
            ("PrivateToken challenge=\"A\"", "the attribute challenge must be base64url"),
            ("PrivateToken challenge=AA, challenge=AA", "the attribute challenge stands twice"),
            ("PrivateToken challenge=AA, max-age=+1", "the attribute max-age must be a number of seconds"),
            ("PrivateToken challenge=AA, max-age=\"\"", "the attribute max-age must be a number of seconds"),
            (
                "PrivateToken challenge=AA, price-micros=1.5",
                "the attribute price-micros must be a number of millionths",
            ),
            (
                "PrivateToken challenge=AA, currency=euro",
                "the attribute currency must be three capital letters",
            ),
            ("PrivateToken challenge=\"AA", "byte 24: a closing quote expected"),
        ] {
            assert_eq!(refusal(value), expected, "{value}");
        }
    }
}
