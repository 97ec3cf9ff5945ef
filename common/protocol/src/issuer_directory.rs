use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{DirectoryKey, IssuerName};

/// What an issuer publishes about itself (RFC 9578, section 4), as JSON.
///
/// ```text
/// {
///   "issuer-request-uri": "/token-request",
///   "issuer-name": "issuer.example",            ours: the name in every challenge for its tokens
///   "token-keys": [DirectoryKey, ...],          keys that issue now, then those that will
///   "redeem-only-keys": [DirectoryKey, ...],    ours: keys whose tokens are still taken
///   "revoked-keys": [DirectoryKey, ...]         ours: keys whose tokens are not taken any more
/// }
/// ```
///
/// Unknown members are passed over when read; ours may be missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub struct IssuerDirectory {
    /// Where token requests go: absolute, or relative to the directory's own address. Kept as it stands.
    pub issuer_request_uri: String,
    /// The name that challenges for its tokens carry: a wallet compares it with the redeemer's, so that nobody's tokens
    /// are bound to a name of their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub issuer_name: Option<IssuerName>,
    /// Keys that issue now, in the order of preference, then keys that will.
    pub token_keys: Vec<DirectoryKey>,
    /// Keys that issue no more and whose tokens are taken.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub redeem_only_keys: Vec<DirectoryKey>,
    /// Keys that were revoked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub revoked_keys: Vec<DirectoryKey>,
}

/// A directory that cannot be read or written.
#[derive(Debug, Error)]
#[error("issuer directory: {0}")]
pub struct DirectoryError(#[from] serde_json::Error);

impl IssuerDirectory {
    /// The Content-Type.
    pub const MEDIA_TYPE: &str = "application/private-token-issuer-directory";
    /// Where it is found.
    pub const PATH: &str = "/.well-known/private-token-issuer-directory";

    /// Writes the JSON.
    ///
    /// # Errors
    /// [`DirectoryError`] when serialization fails, which this type gives no cause for.
    pub fn encode(&self) -> Result<Vec<u8>, DirectoryError> {
        Ok(serde_json::to_vec(self)?)
    }

    /// Reads the JSON.
    ///
    /// # Errors
    /// [`DirectoryError`] saying where and why the text is not JSON of this form.
    pub fn decode(json: &[u8]) -> Result<Self, DirectoryError> {
        Ok(serde_json::from_slice(json)?)
    }
}

#[cfg(test)]
mod tests {
    use farthing_voprf::SecretKey;

    use super::*;
    use crate::{DERIVATION_INFO, IssuerName, KeyEpoch, TokenKey};

    fn key() -> TokenKey {
        TokenKey::new(
            SecretKey::derive(&[7; 32], DERIVATION_INFO).unwrap().public_key().clone(),
            IssuerName::new("issuer.example").unwrap(),
            "EUR-10000".parse().unwrap(),
            KeyEpoch::starting("2026-11-21".parse().unwrap(), 28, 84).unwrap(),
            1_795_200_000,
            1_000_000,
        )
    }

    #[test]
    fn our_keys_come_back_with_value_and_dates() {
        let listed = DirectoryKey::from(&key());
        let directory = IssuerDirectory {
            issuer_request_uri: "/token-request".to_owned(),
            issuer_name: Some(IssuerName::new("issuer.example").unwrap()),
            token_keys: vec![listed.clone()],
            redeem_only_keys: vec![listed.clone()],
            revoked_keys: Vec::new(),
        };
        let json = String::from_utf8(directory.encode().unwrap()).unwrap();
        assert!(json.contains("\"token-type\":5,\"token-key\":\""));
        assert!(json.contains("=\",\"not-before\":1795219200,\"value-micros\":10000,\"currency\":\"EUR\","));
        assert!(json.contains("\"issue-until\":1797638400,\"redeem-until\":1804896000}"));
        assert!(!json.contains("revoked-keys"));
        let read = IssuerDirectory::decode(json.as_bytes()).unwrap();
        assert_eq!(read, directory);
        assert_eq!(listed.public_key().unwrap(), *key().public_key());
        assert_eq!(listed.token_key_id(), key().token_key_id());
        assert_eq!(listed.denomination(), Some(key().denomination()));
        assert_eq!(listed.epoch(), Some(key().epoch()));
    }

    #[test]
    fn a_directory_of_the_standard_alone_is_read() {
        let json = br#"{"issuer-request-uri": "https://issuer.example/r?x=1", "more": {"a": [1]},
            "token-keys": [{"token-type": 2, "token-key": "AAECAw", "note": null},
                           {"token-type": 5, "token-key": "AA==", "not-before": 1}]}"#;
        let directory = IssuerDirectory::decode(json).unwrap();
        assert_eq!(directory.issuer_request_uri, "https://issuer.example/r?x=1");
        let [foreign, short] = &directory.token_keys[..] else { panic!("two keys") };
        assert_eq!(
            foreign.public_key().unwrap_err().to_string(),
            "token-type: 0x0002 instead of 0x0005 (VOPRF ristretto255, SHA-512)"
        );
        assert_eq!(foreign.token_key, [0, 1, 2, 3]);
        assert_eq!(short.public_key().unwrap_err().to_string(), "token-key: 1 bytes, must have 32");
        assert_eq!((short.denomination(), short.epoch()), (None, None));
    }

    #[test]
    fn keys_that_are_none_are_named() {
        let with = |bytes: [u8; 32]| DirectoryKey { token_key: bytes.to_vec(), ..DirectoryKey::from(&key()) };
        assert_eq!(with([0; 32]).public_key().unwrap_err().to_string(), "token-key: the identity element");
        // Canonical, but no point: found by the square root alone.
        let mut no_point = [0; 32];
        no_point[0] = 2;
        assert!(
            with(no_point).public_key().unwrap_err().to_string().starts_with("token-key: not a canonical")
        );
    }

    #[test]
    fn dates_that_are_no_midnight_are_no_epoch() {
        let listed = DirectoryKey::from(&key());
        for key in [
            DirectoryKey { not_before: listed.not_before.map(|second| second + 1), ..listed.clone() },
            DirectoryKey { redeem_until: listed.issue_until, ..listed.clone() },
            DirectoryKey { issue_until: None, ..listed.clone() },
        ] {
            assert_eq!(key.epoch(), None);
        }
        assert_eq!(DirectoryKey { value_micros: Some(0), ..listed.clone() }.denomination(), None);
        assert_eq!(DirectoryKey { currency: Some("eur".to_owned()), ..listed }.denomination(), None);
    }

    #[test]
    fn what_is_no_directory_is_refused() {
        for json in ["", "[]", "{}", r#"{"issuer-request-uri": "/"}"#, r#"{"token-keys": []}"#] {
            assert!(IssuerDirectory::decode(json.as_bytes()).is_err(), "{json}");
        }
        let trailing = br#"{"issuer-request-uri": "/", "token-keys": []} x"#;
        assert!(IssuerDirectory::decode(trailing).is_err());
        let text = br#"{"issuer-request-uri": "/", "token-keys": [{"token-type": 5, "token-key": "+"}]}"#;
        assert!(IssuerDirectory::decode(text).unwrap_err().to_string().contains("not base64url"));
    }
}
