use serde::{Deserialize, Serialize};

use crate::Base64Url;

/// Payload of `GET /v1/totals`: what was issued or redeemed under each token key, in finished UTC days only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Totals {
    /// `issuer` or `redeemer`.
    pub service: String,
    /// The issuer whose tokens are counted.
    pub issuer_name: String,
    /// The last day counted, `YYYY-MM-DD`.
    #[cfg_attr(feature = "schema", schemars(extend("format" = "date")))]
    pub through: String,
    /// One entry a key that ever counted, oldest first.
    pub keys: Vec<KeyTotals>,
}

/// Counts of one token key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct KeyTotals {
    /// SHA-256 of the public key.
    pub token_key_id: Base64Url<[u8; 32]>,
    /// Value of one token, in millionths of the currency's unit.
    pub value_micros: u64,
    /// ISO 4217 code.
    #[cfg_attr(feature = "schema", schemars(extend("pattern" = "^[A-Z]{3}$")))]
    pub currency: String,
    /// Tokens since the key began.
    pub tokens: u64,
    /// Orders issued since the key began; only the issuer has any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub orders: Option<u64>,
    /// The days that counted anything, oldest first.
    pub days: Vec<DayTotal>,
}

/// Counts of one day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DayTotal {
    /// `YYYY-MM-DD`, UTC.
    #[cfg_attr(feature = "schema", schemars(extend("format" = "date")))]
    pub day: String,
    /// Tokens of that day.
    pub tokens: u64,
    /// Orders issued that day; only the issuer has any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub orders: Option<u64>,
}
