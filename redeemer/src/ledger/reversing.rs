use farthing_protocol::Day;
use thiserror::Error;

use super::due::paid;
use super::{EntryId, Payout, Remark, Statement, StatementId};
use crate::publishers::PublisherId;

/// A payout that is to be reversed: the bank has returned it, or it was never made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reversing {
    /// To whom it was paid.
    pub publisher: PublisherId,
    /// Which.
    pub payout: EntryId,
    /// Why, for the publisher to read.
    pub reason: Remark,
    /// Today.
    pub made: Day,
}

/// Why nothing was reversed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum NotReversed {
    /// There is no such payout.
    #[error("the publisher has no payout {0}; `payouts list` shows them")]
    UnknownPayout(EntryId),
    /// It was reversed, and that too.
    #[error("the payout was reversed, and that was reversed by the entry {0}: reverse that one instead")]
    ReversedTwice(EntryId),
    /// The id of its opposite is taken.
    #[error(
        "the entry that would reverse the payout, {0}, was recorded as a payout of its own; `payouts list` shows it"
    )]
    IdTaken(EntryId),
    /// The entry is a reversal, and was made good.
    #[error(
        "without this reversal {paid} minor units would be paid of the statement {statement}, which comes to {due}: `payouts \
         list` shows what was paid since; if that came back, reverse that payout"
    )]
    TooMuch {
        /// Of which statement.
        statement: StatementId,
        /// What would be paid of it.
        paid: i128,
        /// What it comes to.
        due: i64,
    },
}

/// The opposite of the payout. `statements` and `payouts` are all of the publisher's; where the opposite is among them
/// already, it is returned as it is there.
///
/// # Errors
/// [`NotReversed`].
pub fn reverse(
    reversing: &Reversing,
    statements: &[Statement],
    payouts: &[Payout],
) -> Result<Payout, NotReversed> {
    let entry = payouts.iter().find(|payout| payout.id == reversing.payout);
    let entry = entry.ok_or(NotReversed::UnknownPayout(reversing.payout))?;
    let reversal_of = |id| payouts.iter().find(|payout| payout.reverses == Some(id));
    if let Some(kept) = reversal_of(entry.id) {
        // It stands as paid, and whoever says that it came back means that payment and not the first.
        return match reversal_of(kept.id) {
            Some(again) => Err(NotReversed::ReversedTwice(again.id)),
            None => Ok(kept.clone()),
        };
    }
    let reversal = entry.reversal(reversing.reason.clone(), reversing.made);
    if payouts.iter().any(|payout| payout.id == reversal.id) {
        return Err(NotReversed::IdTaken(reversal.id));
    }
    check_bound(&reversal, statements, payouts)?;
    Ok(reversal)
}

/// Refuses what would have more paid of a statement than it comes to. What takes something back never has.
fn check_bound(reversal: &Payout, statements: &[Statement], payouts: &[Payout]) -> Result<(), NotReversed> {
    let id = reversal.statement;
    let statement = statements.iter().find(|statement| statement.id() == id);
    let due = statement.map_or(0, |statement| statement.net_minor.max(0));
    let paid = paid(payouts, |payout| payout.statement == id) + i128::from(reversal.amount_minor);
    if reversal.amount_minor > 0 && paid > i128::from(due) {
        return Err(NotReversed::TooMuch { statement: id, paid, due });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::due::tests::{HOLD, statement};
    use crate::ledger::{NotPaid, Paying, Statement, due, pay};

    const TODAY: &str = "2027-01-10";

    fn paid(statements: &[Statement], payouts: &[Payout]) -> Result<Payout, NotPaid> {
        let paying = Paying {
            id: EntryId::random().unwrap(),
            publisher: PublisherId::from_bytes([1; 16]),
            statement: statements[0].id(),
            amount_minor: None,
            reference: "transfer 7".parse().unwrap(),
            payout_reference: None,
            after_restore: false,
            made: TODAY.parse().unwrap(),
            hold_days: HOLD,
        };
        pay(&paying, statements, payouts)
    }

    fn reversed(
        payout: EntryId,
        statements: &[Statement],
        payouts: &[Payout],
    ) -> Result<Payout, NotReversed> {
        let (publisher, reason) = (PublisherId::from_bytes([1; 16]), "it came back".parse().unwrap());
        reverse(&Reversing { publisher, payout, reason, made: TODAY.parse().unwrap() }, statements, payouts)
    }

    /// Unpaid and payable of each line.
    fn amounts(statements: &[Statement], payouts: &[Payout]) -> Vec<(u64, u64)> {
        let all = due(statements, payouts, TODAY.parse().unwrap(), HOLD, |_| false).unwrap();
        all.iter().map(|due| (due.unpaid_minor, due.payable_minor)).collect()
    }

    #[test]
    fn what_came_back_is_due_again_and_is_paid_again() {
        let statements = [statement("EUR", "2026-11-30", 500)];
        let mut payouts = vec![paid(&statements, &[]).unwrap()];
        assert_eq!(amounts(&statements, &payouts), []);
        let back = reversed(payouts[0].id, &statements, &payouts).unwrap();
        assert_eq!((back.amount_minor, back.reverses), (-500, Some(payouts[0].id)));
        payouts.push(back.clone());
        assert_eq!(amounts(&statements, &payouts), [(500, 500)]);
        assert_eq!(reversed(payouts[0].id, &statements, &payouts), Ok(back), "once");
        payouts.push(paid(&statements, &payouts).unwrap());
        assert_eq!(amounts(&statements, &payouts), []);
        assert_eq!(paid(&statements, &payouts), Err(NotPaid::NothingDue));
    }

    /// As where it was the wrong one, and what is due by now would not allow it to be recorded again.
    #[test]
    fn a_reversal_is_reversed_like_any_other() {
        let statements = [statement("EUR", "2026-10-31", 500), statement("EUR", "2026-11-30", -600)];
        let mut payouts = vec![paid(&statements[..1], &[]).unwrap()];
        payouts.push(reversed(payouts[0].id, &statements, &payouts).unwrap());
        payouts.push(reversed(payouts[1].id, &statements, &payouts).unwrap());
        assert_eq!((payouts[2].amount_minor, payouts[2].reverses), (500, Some(payouts[1].id)));
        assert_eq!(amounts(&statements, &payouts), []);
        assert_eq!(
            reversed(payouts[0].id, &statements, &payouts),
            Err(NotReversed::ReversedTwice(payouts[2].id))
        );
        assert_eq!(reversed(payouts[2].id, &statements, &payouts).unwrap().amount_minor, -500);
    }

    /// As where the reversal's id is typed for that of the second payout, which came back too.
    #[test]
    fn a_reversal_that_was_made_good_is_not_reversed() {
        let statements = [statement("EUR", "2026-11-30", 500)];
        let mut payouts = vec![paid(&statements, &[]).unwrap()];
        payouts.push(reversed(payouts[0].id, &statements, &payouts).unwrap());
        payouts.push(paid(&statements, &payouts).unwrap());
        let wrong = reversed(payouts[1].id, &statements, &payouts);
        let statement = statements[0].id();
        assert_eq!(wrong, Err(NotReversed::TooMuch { statement, paid: 1_000, due: 500 }));
        payouts.push(reversed(payouts[2].id, &statements, &payouts).unwrap());
        assert_eq!(reversed(payouts[1].id, &statements, &payouts).unwrap().amount_minor, 500);
    }

    #[test]
    fn a_reversal_never_takes_the_place_of_a_payout() {
        let statements = [statement("EUR", "2026-11-30", 500)];
        let first = paid(&statements, &[]).unwrap();
        let id = first.id.of_reversal();
        let payouts = [first.clone(), Payout { id, ..first }];
        assert_eq!(reversed(payouts[0].id, &statements, &payouts), Err(NotReversed::IdTaken(id)));
    }

    #[test]
    fn nothing_is_reversed_that_was_not_paid() {
        let unknown = EntryId::random().unwrap();
        assert_eq!(reversed(unknown, &[], &[]), Err(NotReversed::UnknownPayout(unknown)));
    }
}
