use serde::{Deserialize, Serialize};

/// Answer of `GET /v1/balance`: what the publisher was credited and has not been paid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Balance {
    /// The publisher's id.
    pub publisher: String,
    /// One line a currency, in the alphabet's order.
    pub credit: Vec<BalanceEntry>,
}

/// An amount in one currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BalanceEntry {
    /// ISO 4217 code.
    pub currency: String,
    /// Millionths of the currency's unit.
    pub micros: u64,
    /// Tokens that make it up.
    pub tokens: u64,
}
