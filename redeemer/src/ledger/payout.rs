use farthing_api::PayoutEntry;
use farthing_protocol::Day;
use farthing_service::record::{self, Record, RecordError};
use serde::{Deserialize, Serialize};

use super::{EntryId, Remark, StatementId};
use crate::publishers::{PayoutReference, PublisherId};

/// What the operator has paid of a statement, as it says: how money moves is none of the redeemer's business. It is never
/// changed and never removed; a wrong one gets an opposite one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(clippy::struct_field_names, reason = "a payout reference is called so of a publisher too")]
pub struct Payout {
    /// Its id, which no other payout of the publisher has.
    pub id: EntryId,
    /// To whom.
    pub publisher: PublisherId,
    /// Of which statement.
    pub statement: StatementId,
    /// How much, in the currency's minor unit; below zero where it reverses one that was above.
    pub amount_minor: i64,
    /// By which the publisher finds it on its account; why, where it reverses another.
    pub reference: Remark,
    /// Where it was paid, if that was known then. It stays when the publisher is paid elsewhere, or erased: to whom money
    /// went belongs into the operator's books.
    pub payout_reference: Option<PayoutReference>,
    /// The payout that it reverses, if it does: the money came back, or never left.
    pub reverses: Option<EntryId>,
    /// The day on which it was recorded.
    pub made: Day,
}

impl Payout {
    /// The opposite of it.
    pub fn reversal(&self, reason: Remark, made: Day) -> Self {
        Self {
            id: self.id.of_reversal(),
            // The smallest number alone has no opposite, and was never paid.
            amount_minor: self.amount_minor.saturating_neg(),
            reference: reason,
            reverses: Some(self.id),
            made,
            ..self.clone()
        }
    }

    /// By day, and of one day by statement, what was paid before what was reversed.
    pub fn in_order(mut payouts: Vec<Self>) -> Vec<Self> {
        payouts.sort_by_key(|payout| (payout.made, payout.statement, payout.reverses.is_some(), payout.id));
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
            payout_reference: self.payout_reference.as_ref().map(PayoutReference::as_str).map(str::to_owned),
            reverses: self.reverses.as_ref().map(EntryId::to_string),
            made: self.made.to_string(),
        }
    }
}

/// What version 1 kept: nothing was reversed, and nobody noted where it was paid.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Version1 {
    id: EntryId,
    publisher: PublisherId,
    statement: StatementId,
    amount_minor: i64,
    reference: Remark,
    made: Day,
}

impl Record for Payout {
    const KIND: &'static str = "payout";
    const VERSION: u8 = 2;

    fn migrate(version: u8, json: &[u8]) -> Result<Self, RecordError> {
        if version != 1 {
            return Err(RecordError::NoMigration { kind: Self::KIND, version });
        }
        let Version1 { id, publisher, statement, amount_minor, reference, made } =
            record::from_json::<Self, _>(json)?;
        let (payout_reference, reverses) = (None, None);
        Ok(Self { id, publisher, statement, amount_minor, reference, payout_reference, reverses, made })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(version: u8, rest: &str) -> Vec<u8> {
        let json = format!(
            r#"{{"id":"DAwMDAwMDAwMDAwMDAwMDA","publisher":"AQEBAQEBAQEBAQEBAQEBAQ","statement":"EUR.2026-11-30","amount_minor":500,"reference":"transfer 7",{rest}"made":"2027-01-02"}}"#
        );
        [&[version], json.as_bytes()].concat()
    }

    #[test]
    fn a_payout_of_version_1_was_paid_nobody_noted_where() {
        let old: Payout = record::decode(&written(1, "")).unwrap();
        assert_eq!((old.amount_minor, &old.payout_reference, old.reverses), (500, &None, None));
        let new = written(2, r#""payout_reference":null,"reverses":null,"#);
        assert_eq!(record::encode(&old).unwrap(), new);
        assert_eq!(record::decode::<Payout>(&new).unwrap(), old);
    }

    #[test]
    fn a_reversal_is_the_opposite_and_says_so() {
        let rest = r#""payout_reference":"IBAN 7","reverses":null,"#;
        let paid: Payout = record::decode(&written(2, rest)).unwrap();
        let back = paid.reversal("the account is closed".parse().unwrap(), paid.made.next());
        let view = back.view();
        assert_eq!((view.amount_minor, view.reverses), (-500, Some(paid.id.to_string())));
        assert_eq!((view.reference.as_str(), view.made.as_str()), ("the account is closed", "2027-01-03"));
        assert_eq!(
            (view.payout_reference, view.statement),
            (Some("IBAN 7".to_owned()), paid.view().statement)
        );
        assert_ne!(back.id, paid.id);
        assert!(!format!("{back:?}").contains("IBAN"), "{back:?}");
    }
}
