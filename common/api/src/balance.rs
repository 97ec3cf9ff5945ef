use serde::{Deserialize, Serialize};

use crate::CreditEntry;

/// `payloadType` of an [`Envelope`](crate::Envelope) around a [`Balance`].
pub const BALANCE_PAYLOAD_TYPE: &str = "application/vnd.farthing.balance+json";

/// Payload of `GET /v1/balance`: what the publisher was credited, and what that comes to with the operator's entries.
///
/// The lines of closed statements and those of `unstated` together are the credit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Balance {
    /// The publisher's id.
    pub publisher: String,
    /// Unix second at which it was asked for.
    pub at: u64,
    /// What was credited for tokens, one line a currency, in the alphabet's order. It only grows.
    pub credit: Vec<BalanceEntry>,
    /// The credit and the operator's entries together, one line a currency; below zero if those take more than there is.
    pub balance: Vec<SignedAmount>,
    /// The part of the credit that no closed statement has yet, by day and value of a token.
    pub unstated: Vec<CreditEntry>,
    /// The id of the last closed statement of each currency that has one, in the alphabet's order. What these and all before
    /// them state is not in `unstated`; what a later one states is in both, and counts once.
    pub last_statements: Vec<String>,
}

/// An amount in one currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BalanceEntry {
    /// ISO 4217 code.
    #[cfg_attr(feature = "schema", schemars(extend("pattern" = "^[A-Z]{3}$")))]
    pub currency: String,
    /// Millionths of the currency's unit.
    pub micros: u64,
    /// Tokens that make it up.
    pub tokens: u64,
}

/// An amount in one currency that may be below zero.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SignedAmount {
    /// ISO 4217 code.
    #[cfg_attr(feature = "schema", schemars(extend("pattern" = "^[A-Z]{3}$")))]
    pub currency: String,
    /// Millionths of the currency's unit.
    pub micros: i64,
    /// Tokens that make it up.
    pub tokens: i64,
}
