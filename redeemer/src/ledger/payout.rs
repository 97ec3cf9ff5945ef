use farthing_api::PayoutEntry;
use farthing_protocol::Day;
use farthing_service::record::Record;
use serde::{Deserialize, Serialize};

use super::{EntryId, Remark, StatementId};
use crate::publishers::PublisherId;

/// What the operator has paid of a statement, as it says: how money moves is none of the redeemer's business. It is never
/// changed and never removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Payout {
    /// Its id, which no other payout of the publisher has.
    pub id: EntryId,
    /// To whom.
    pub publisher: PublisherId,
    /// Of which statement.
    pub statement: StatementId,
    /// How much, in the currency's minor unit.
    pub amount_minor: u64,
    /// By which the publisher finds it on its account.
    pub reference: Remark,
    /// The day on which it was recorded.
    pub made: Day,
}

impl Payout {
    /// By day, and of one day by statement and id.
    pub fn in_order(mut payouts: Vec<Self>) -> Vec<Self> {
        payouts.sort_by_key(|payout| (payout.made, payout.statement, payout.id));
        payouts
    }

    /// As JSON shows it to the publisher.
    pub fn view(&self) -> PayoutEntry {
        PayoutEntry {
            id: self.id.to_string(),
            statement: self.statement.to_string(),
            currency: self.statement.currency.to_string(),
            amount_minor: self.amount_minor,
            reference: self.reference.as_str().to_owned(),
            made: self.made.to_string(),
        }
    }
}

impl Record for Payout {
    const KIND: &'static str = "payout";
    const VERSION: u8 = 1;
}
