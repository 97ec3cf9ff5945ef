use serde::{Deserialize, Serialize};

/// `payloadType` of an [`Envelope`](crate::Envelope) around a [`Statement`].
pub const STATEMENT_PAYLOAD_TYPE: &str = "application/vnd.farthing.statement+json";
/// `payloadType` of an [`Envelope`](crate::Envelope) around a [`StatementListing`].
pub const STATEMENTS_PAYLOAD_TYPE: &str = "application/vnd.farthing.statements+json";

/// Payload of `GET /v1/statements`: the publisher's statements.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StatementListing {
    /// The publisher's id.
    pub publisher: String,
    /// By currency, oldest first.
    pub statements: Vec<StatementSummary>,
}

/// A statement without its lines.
///
/// `carried_in_micros + gross_micros = fee_micros + net_minor * (micros of a minor unit) + carried_micros`, exactly.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StatementSummary {
    /// Its id among the publisher's, as `EUR.2026-11-30`.
    pub id: String,
    /// ISO 4217 code.
    #[cfg_attr(feature = "schema", schemars(extend("pattern" = "^[A-Z]{3}$")))]
    pub currency: String,
    /// The first day, `YYYY-MM-DD`, UTC. A line of an earlier day came when that was closed.
    #[cfg_attr(feature = "schema", schemars(extend("format" = "date")))]
    pub from: String,
    /// The last day.
    #[cfg_attr(feature = "schema", schemars(extend("format" = "date")))]
    pub through: String,
    /// The day on which it was closed; it never changes after.
    #[cfg_attr(feature = "schema", schemars(extend("format" = "date")))]
    pub closed: String,
    /// The operator's share in hundredths of a percent, as it was then.
    pub commission_basis_points: u16,
    /// What the statement before left over, in millionths of the currency's unit.
    pub carried_in_micros: u64,
    /// What the lines are worth.
    pub gross_micros: i64,
    /// The operator's share of that, rounded down.
    pub fee_micros: i64,
    /// What the publisher gets, in the currency's minor unit, rounded down; below zero it owes that.
    pub net_minor: i64,
    /// What is left over for the next statement: less than a minor unit.
    pub carried_micros: u64,
}

/// Payload of `GET /v1/statements/{id}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Statement {
    /// The publisher's id.
    pub publisher: String,
    /// What it comes to.
    #[serde(flatten)]
    pub summary: StatementSummary,
    /// What was credited for tokens, by day and value.
    pub credits: Vec<StatementCredit>,
    /// What the operator entered beside it, by day.
    pub adjustments: Vec<StatementAdjustment>,
}

/// The tokens of one day and value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StatementCredit {
    /// `YYYY-MM-DD`, UTC.
    #[cfg_attr(feature = "schema", schemars(extend("format" = "date")))]
    pub day: String,
    /// Value of one token, in millionths of the currency's unit.
    pub value_micros: u64,
    /// Tokens.
    pub tokens: u64,
}

/// An entry of the operator's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StatementAdjustment {
    /// Its id.
    pub id: String,
    /// The day that it is about, `YYYY-MM-DD`, UTC.
    #[cfg_attr(feature = "schema", schemars(extend("format" = "date")))]
    pub day: String,
    /// Value of one token, in millionths of the currency's unit.
    pub value_micros: u64,
    /// Tokens, below zero if they were taken.
    pub tokens: i64,
    /// Why, in the operator's words.
    pub reason: String,
}
