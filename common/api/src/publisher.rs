use serde::{Deserialize, Serialize};

use crate::{BalanceEntry, PayoutEntry, SignedAmount, Statement};

/// Answer of `GET /v1/publisher`: everything that is kept of the publisher, for itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PublisherData {
    /// Its id.
    pub publisher: String,
    /// What the operator calls it.
    pub name: String,
    /// Where it is paid, in the operator's words.
    pub payout_reference: Option<String>,
    /// The day on which it was added, `YYYY-MM-DD`, UTC.
    #[cfg_attr(feature = "schema", schemars(extend("format" = "date")))]
    pub created: String,
    /// Its API keys, oldest first. Of the keys themselves only hashes are kept, which nobody can use.
    pub keys: Vec<ApiKeyEntry>,
    /// What it was credited, one line a currency.
    pub credit: Vec<BalanceEntry>,
    /// The credit and the operator's entries together, one line a currency.
    pub balance: Vec<SignedAmount>,
    /// The credit by day and value of a token.
    pub credits: Vec<CreditEntry>,
    /// What the operator entered beside it, by day.
    pub adjustments: Vec<AdjustmentEntry>,
    /// Its closed statements, by currency, oldest first.
    pub statements: Vec<Statement>,
    /// What the operator says it has paid, oldest first.
    pub payouts: Vec<PayoutEntry>,
}

/// An API key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ApiKeyEntry {
    /// What it is called: 16 hexadecimal digits, no part of it.
    pub id: String,
    /// The day on which it was made, `YYYY-MM-DD`, UTC.
    #[cfg_attr(feature = "schema", schemars(extend("format" = "date")))]
    pub created: String,
    /// Whether it was revoked.
    pub revoked: bool,
}

/// The tokens of one day and value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CreditEntry {
    /// `YYYY-MM-DD`, UTC.
    #[cfg_attr(feature = "schema", schemars(extend("format" = "date")))]
    pub day: String,
    /// ISO 4217 code.
    #[cfg_attr(feature = "schema", schemars(extend("pattern" = "^[A-Z]{3}$")))]
    pub currency: String,
    /// Value of one token, in millionths of the currency's unit.
    pub value_micros: u64,
    /// Tokens.
    pub tokens: u64,
}

/// An entry of the operator's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AdjustmentEntry {
    /// Its id.
    pub id: String,
    /// The day that it is about, `YYYY-MM-DD`, UTC.
    #[cfg_attr(feature = "schema", schemars(extend("format" = "date")))]
    pub day: String,
    /// ISO 4217 code.
    #[cfg_attr(feature = "schema", schemars(extend("pattern" = "^[A-Z]{3}$")))]
    pub currency: String,
    /// Value of one token, in millionths of the currency's unit.
    pub value_micros: u64,
    /// Tokens, below zero if they were taken.
    pub tokens: i64,
    /// Why, in the operator's words.
    pub reason: String,
    /// The day on which it was made.
    #[cfg_attr(feature = "schema", schemars(extend("format" = "date")))]
    pub made: String,
}
