use serde::{Deserialize, Serialize};

use crate::Base64Url;

/// Answer of the redeemer's `GET /v1/keys`: the token keys it accepts now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct KeyListing {
    /// The issuer name that challenges for these keys carry.
    pub issuer_name: String,
    /// Accepted keys, oldest first.
    pub keys: Vec<KeyEntry>,
}

/// One token key: what a wallet compares with the issuer's directory, and an origin builds challenges from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct KeyEntry {
    /// SHA-256 of `token_key`.
    pub token_key_id: Base64Url<[u8; 32]>,
    /// The public key, a Ristretto element.
    pub token_key: Base64Url<[u8; 32]>,
    /// Value of one token, in millionths of the currency's unit.
    pub value_micros: u64,
    /// ISO 4217 code.
    #[cfg_attr(feature = "schema", schemars(extend("pattern" = "^[A-Z]{3}$")))]
    pub currency: String,
    /// Unix second from which the key issues, a UTC midnight.
    pub not_before: u64,
    /// Unix second from which it no longer issues, a UTC midnight.
    pub issue_until: u64,
    /// Unix second from which its tokens are no longer taken, a UTC midnight.
    pub redeem_until: u64,
}
