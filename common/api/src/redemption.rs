use serde::{Deserialize, Serialize};

use crate::Envelope;

/// JSON body of `POST /v1/redemptions`; the other form is `application/octet-stream`, tokens of 162 bytes back to back.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct NewRedemption {
    /// 1 to 1,000 tokens, base64url.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 1_000)))]
    pub tokens: Vec<String>,
    /// Whether all are taken or none; true unless said otherwise.
    #[serde(default = "atomic_by_default")]
    pub atomic: bool,
}

fn atomic_by_default() -> bool {
    true
}

/// What became of one token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum TokenResult {
    /// Spent now and credited to the publisher.
    Accepted,
    /// In order, and left alone because another token of an atomic redemption was refused.
    NotTried,
    /// Spent before, or earlier in the same request.
    Spent,
    /// Its key's time is over.
    Expired,
    /// Its key was revoked.
    Revoked,
    /// No key of this issuer has its token key id.
    UnknownKey,
    /// Not a token of this key: malformed, forged, or made for another challenge.
    Invalid,
}

/// Answer of `POST /v1/redemptions` (200 when every token was taken, else 409) and of `GET /v1/redemptions/{key}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RedemptionAnswer {
    /// One result a token, in the request's order.
    pub results: Vec<TokenResult>,
    /// How many were taken.
    pub accepted: u32,
    /// What was credited, a line for each currency.
    pub credited: Vec<crate::BalanceEntry>,
    /// Whether this is the stored answer of an earlier, equal request.
    pub replayed: bool,
    /// Where tokens were taken: a [`Receipt`](crate::Receipt), signed by the redeemer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "receipt_schema"))]
    pub receipt: Option<Envelope>,
}

#[cfg(feature = "schema")]
fn receipt_schema(schemas: &mut schemars::SchemaGenerator) -> schemars::Schema {
    crate::signed_schema::<crate::Receipt>(crate::RECEIPT_PAYLOAD_TYPE, schemas)
}
