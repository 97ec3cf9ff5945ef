use farthing_api::{StatementAdjustment, StatementCredit, StatementSummary};
use farthing_protocol::{Currency, Day};
use farthing_service::record::Record;
use serde::{Deserialize, Serialize};

use super::{Adjustment, BasisPoints, CreditLine, StatementId};
use crate::publishers::PublisherId;

/// What a publisher earned in one currency in a period, once and for all: a statement that is closed never changes.
///
/// `carried_in_micros + gross_micros = fee_micros + net_minor * (micros of a minor unit) + carried_micros`, exactly.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// Whose.
    pub publisher: PublisherId,
    /// In which currency.
    pub currency: Currency,
    /// The first day: the one after the statement before, or the first that has an entry. Entries of earlier days came
    /// when those were closed.
    pub from: Day,
    /// The last day.
    pub through: Day,
    /// The day on which it was closed.
    pub closed: Day,
    /// The share that the operator keeps, as it was then.
    pub commission_basis_points: BasisPoints,
    /// Credits, by day and denomination: those that no earlier statement has.
    pub credits: Vec<CreditLine>,
    /// The operator's entries that no earlier statement has.
    pub adjustments: Vec<Adjustment>,
    /// What the last statement left over, less than a minor unit.
    pub carried_in_micros: u64,
    /// What the lines are worth.
    pub gross_micros: i64,
    /// The operator's share of it, rounded down.
    pub fee_micros: i64,
    /// What the publisher gets, in the currency's minor unit, rounded down; below zero it owes that.
    pub net_minor: i64,
    /// What is left over for the next statement, less than a minor unit.
    pub carried_micros: u64,
}

impl Statement {
    /// Its id among the publisher's.
    pub const fn id(&self) -> StatementId {
        StatementId { currency: self.currency, through: self.through }
    }

    /// What it comes to, as JSON shows it.
    pub fn summary(&self) -> StatementSummary {
        StatementSummary {
            id: self.id().to_string(),
            currency: self.currency.to_string(),
            from: self.from.to_string(),
            through: self.through.to_string(),
            closed: self.closed.to_string(),
            commission_basis_points: self.commission_basis_points.get(),
            carried_in_micros: self.carried_in_micros,
            gross_micros: self.gross_micros,
            fee_micros: self.fee_micros,
            net_minor: self.net_minor,
            carried_micros: self.carried_micros,
        }
    }

    /// All of it, as JSON shows it.
    pub fn view(&self) -> farthing_api::Statement {
        let credit = |line: &CreditLine| StatementCredit {
            day: line.day.to_string(),
            value_micros: line.denomination.value_micros().get(),
            tokens: line.tokens,
        };
        let adjustment = |entry: &Adjustment| StatementAdjustment {
            id: entry.id.to_string(),
            day: entry.day.to_string(),
            value_micros: entry.denomination.value_micros().get(),
            tokens: entry.tokens.get(),
            reason: entry.reason.as_str().to_owned(),
        };
        farthing_api::Statement {
            publisher: self.publisher.to_string(),
            summary: self.summary(),
            credits: self.credits.iter().map(credit).collect(),
            adjustments: self.adjustments.iter().map(adjustment).collect(),
        }
    }
}

impl Record for Statement {
    const KIND: &'static str = "statement";
    const VERSION: u8 = 1;
}
