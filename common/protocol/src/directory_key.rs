use farthing_voprf::PublicKey;
use serde::{Deserialize, Serialize};

use crate::decode_error::{DecodeError, DecodeReason};
use crate::{Day, Denomination, KeyEpoch, TokenKey, TokenKeyId, TokenType, base64url};

/// One key of an issuer directory (RFC 9578, section 4).
///
/// ```text
/// {
///   "token-type": 5,
///   "token-key": "<base64url of the public key, with padding>",
///   "not-before": 1795219200,      unix second, optional
///   "value-micros": 10000,         ours, as all that follow, and optional when read
///   "currency": "EUR",
///   "issue-until": 1797638400,     unix second, a UTC midnight
///   "redeem-until": 1804896000     unix second, a UTC midnight
/// }
/// ```
///
/// A directory may list keys of other token types and of issuers without denominations, so nothing but type and
/// key is required, and the methods tell what the key is to us.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub struct DirectoryKey {
    /// The token type; 5 is ours.
    pub token_type: u16,
    /// The serialized public key: 32 bytes for our type.
    #[serde(with = "base64url::padded")]
    #[cfg_attr(feature = "schema", schemars(with = "String", extend("contentEncoding" = "base64url")))]
    pub token_key: Vec<u8>,
    /// Unix second from which the key issues.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<u64>,
    /// Value of one token, in micros.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_micros: Option<u64>,
    /// ISO 4217 code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// Unix second from which the key no longer issues.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issue_until: Option<u64>,
    /// Unix second from which its tokens are no longer taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redeem_until: Option<u64>,
}

impl DirectoryKey {
    /// SHA-256 of the serialized public key.
    pub fn token_key_id(&self) -> TokenKeyId {
        TokenKeyId::of_bytes(&self.token_key)
    }

    /// The public key of a key of our type.
    ///
    /// # Errors
    /// [`DecodeError`] naming `token-type` when it is another, and `token-key` when it is no public key.
    pub fn public_key(&self) -> Result<PublicKey, DecodeError> {
        let field = "token-key";
        if TokenType::from_u16(self.token_type).is_none() {
            return Err(DecodeError::new("token-type", DecodeReason::TokenType { found: self.token_type }));
        }
        let bytes = self.token_key.as_slice().try_into().map_err(|_| {
            let reason = DecodeReason::Length { found: self.token_key.len(), expected: "32" };
            DecodeError::new(field, reason)
        })?;
        crate::element::check(bytes).map_err(|reason| DecodeError::new(field, reason))?;
        PublicKey::from_bytes(bytes).map_err(|_| DecodeError::new(field, DecodeReason::NonCanonicalElement))
    }

    /// What a token of this key is worth; `None` when the directory does not say or says nonsense.
    pub fn denomination(&self) -> Option<Denomination> {
        Denomination::from_parts(self.value_micros?, self.currency.as_deref()?).ok()
    }

    /// When the key issues and until when its tokens are taken; `None` when the directory does not say all three, or
    /// they are not midnights in UTC, or do not increase. A wallet takes no other key: a schedule of its own could
    /// single its buyer out.
    pub fn epoch(&self) -> Option<KeyEpoch> {
        let day = |second: Option<u64>| Day::starting_at(second?);
        KeyEpoch::new(day(self.not_before)?, day(self.issue_until)?, day(self.redeem_until)?).ok()
    }
}

impl From<&TokenKey> for DirectoryKey {
    fn from(key: &TokenKey) -> Self {
        let (denomination, epoch) = (key.denomination(), key.epoch());
        Self {
            token_type: TokenType::VoprfRistretto255.as_u16(),
            token_key: key.public_key().to_bytes().to_vec(),
            not_before: Some(epoch.not_before().start()),
            value_micros: Some(denomination.value_micros().get()),
            currency: Some(denomination.currency().to_string()),
            issue_until: Some(epoch.issue_until().start()),
            redeem_until: Some(epoch.redeem_until().start()),
        }
    }
}
