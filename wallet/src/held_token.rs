use std::fmt;

use farthing_protocol::{Day, InvalidIdentifier, IssuerName, Token};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::key_facts::KeyFacts;
use crate::service_url::ServiceUrl;

/// A token's 162 bytes, ready to be shown. Whoever has them can spend it: no Clone, redacted, wiped when dropped.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct TokenBytes([u8; Token::LENGTH]);

impl TokenBytes {
    /// The bytes of a token.
    pub fn of(token: &Token) -> Self {
        Self(token.encode())
    }

    /// The bytes as the wire carries them.
    pub const fn as_bytes(&self) -> &[u8; Token::LENGTH] {
        &self.0
    }

    /// The text by which a token is handed on: base64url, 216 characters.
    pub fn to_base64url(&self) -> Zeroizing<String> {
        Zeroizing::new(data_encoding::BASE64URL_NOPAD.encode(&self.0))
    }

    /// Reads the text that [`Self::to_base64url`] writes.
    ///
    /// # Errors
    ///
    /// [`InvalidIdentifier`] when it is not base64url of 162 bytes.
    pub fn from_base64url(text: &str) -> Result<Self, InvalidIdentifier> {
        Token::bytes_of_base64url(text).map(Self)
    }
}

impl fmt::Debug for TokenBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenBytes(<redacted>)")
    }
}

impl Serialize for TokenBytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_base64url())
    }
}

impl<'de> Deserialize<'de> for TokenBytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Zeroizing::new(String::deserialize(deserializer)?);
        Self::from_base64url(&text).map_err(de::Error::custom)
    }
}

/// One token in the wallet.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeldToken {
    /// The token.
    pub token: TokenBytes,
    /// The export that took it out of the wallet, if one did: it is then somebody else's to spend.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub export: Option<u64>,
    /// The payment for a page that it is part of, if it is of one that is not known to have failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment: Option<u64>,
    /// The site that has seen it without taking it. Whoever sees it a second time could tell that both readers are one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shown_to: Option<ServiceUrl>,
}

impl HeldToken {
    /// A token that nobody has seen.
    pub(crate) const fn new(token: TokenBytes) -> Self {
        Self { token, export: None, payment: None, shown_to: None }
    }

    /// Whether it can be handed on: it is neither exported nor part of a payment.
    pub const fn is_free(&self) -> bool {
        self.export.is_none() && self.payment.is_none()
    }
}

/// A token key and the tokens that it signed for us.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeldKey {
    /// Whose key it is.
    pub issuer_name: IssuerName,
    /// Its facts as they were when the tokens were requested. They never change.
    pub key: KeyFacts,
    /// The tokens, in the order in which they were bought.
    pub tokens: Vec<HeldToken>,
    /// The day on which the redeemer was first seen not to list the key before its time: its tokens are void.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub void_since: Option<Day>,
}

impl HeldKey {
    /// How many tokens were neither exported nor used in a payment. Whether they can be spent, [`Self::is_spendable`]
    /// says.
    pub fn left(&self) -> usize {
        self.tokens.iter().filter(|held| held.is_free()).count()
    }

    /// How many tokens were exported.
    pub fn exported(&self) -> usize {
        self.tokens.iter().filter(|held| held.export.is_some()).count()
    }

    /// How many tokens are part of payments, whatever became of these.
    pub fn in_payments(&self) -> usize {
        self.tokens.iter().filter(|held| held.payment.is_some()).count()
    }

    /// Whether its tokens are no longer taken on the day `today`, as was known from the start.
    pub fn has_ended(&self, today: Day) -> bool {
        self.key.epoch().redeem_until() <= today
    }

    /// Whether a redeemer takes its tokens on the day `today`, as far as is known.
    pub fn is_spendable(&self, today: Day) -> bool {
        self.void_since.is_none() && !self.has_ended(today)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_shows_nothing() {
        let token = TokenBytes([7; Token::LENGTH]);
        assert_eq!(format!("{token:?}"), "TokenBytes(<redacted>)");
        let text = token.to_base64url();
        assert_eq!(text.len(), 216);
        assert_eq!(TokenBytes::from_base64url(&text).unwrap().as_bytes(), token.as_bytes());
    }
}
