use serde::{Deserialize, Serialize};

/// `payloadType` of an [`Envelope`](crate::Envelope) around a [`PayoutListing`].
pub const PAYOUTS_PAYLOAD_TYPE: &str = "application/vnd.farthing.payouts+json";

/// Payload of `GET /v1/payouts`: what the operator says it has paid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PayoutListing {
    /// The publisher's id.
    pub publisher: String,
    /// Oldest first.
    pub payouts: Vec<PayoutEntry>,
}

/// What was paid of a statement, or an earlier payout reversed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PayoutEntry {
    /// Its id.
    pub id: String,
    /// The statement's id, as `EUR.2026-11-30`.
    pub statement: String,
    /// ISO 4217 code.
    #[cfg_attr(feature = "schema", schemars(extend("pattern" = "^[A-Z]{3}$")))]
    pub currency: String,
    /// How much, in the currency's minor unit; below zero where a payout is reversed, so that all entries add up to what
    /// was paid.
    pub amount_minor: i64,
    /// By which the publisher finds it on its account; why, where a payout is reversed.
    pub reference: String,
    /// Where it was paid, in the operator's words, as it was noted then; `null` where it was not.
    pub payout_reference: Option<String>,
    /// The id of the payout that is reversed, if one is: the money came back, or never left.
    pub reverses: Option<String>,
    /// The day on which it was recorded, `YYYY-MM-DD`, UTC.
    #[cfg_attr(feature = "schema", schemars(extend("format" = "date")))]
    pub made: String,
}
