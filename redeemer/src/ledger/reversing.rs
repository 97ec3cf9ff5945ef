use farthing_protocol::Day;
use thiserror::Error;

use super::{EntryId, Payout, Remark};
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
}

/// The opposite of the payout. `payouts` are all of the publisher's; where the opposite is among them already, it is
/// returned as it is there.
///
/// # Errors
/// [`NotReversed`].
pub fn reverse(reversing: &Reversing, payouts: &[Payout]) -> Result<Payout, NotReversed> {
    let paid = payouts.iter().find(|payout| payout.id == reversing.payout);
    let paid = paid.ok_or(NotReversed::UnknownPayout(reversing.payout))?;
    let reversal = paid.reversal(reversing.reason.clone(), reversing.made);
    let Some(kept) = payouts.iter().find(|payout| payout.id == reversal.id) else { return Ok(reversal) };
    // It stands as paid, and whoever says that it came back means that payment and not the first.
    match payouts.iter().find(|payout| payout.reverses == Some(kept.id)) {
        Some(again) => Err(NotReversed::ReversedTwice(again.id)),
        None => Ok(kept.clone()),
    }
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

    fn reversed(payout: EntryId, payouts: &[Payout]) -> Result<Payout, NotReversed> {
        let (publisher, reason) = (PublisherId::from_bytes([1; 16]), "it came back".parse().unwrap());
        reverse(&Reversing { publisher, payout, reason, made: TODAY.parse().unwrap() }, payouts)
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
        let back = reversed(payouts[0].id, &payouts).unwrap();
        assert_eq!((back.amount_minor, back.reverses), (-500, Some(payouts[0].id)));
        payouts.push(back.clone());
        assert_eq!(amounts(&statements, &payouts), [(500, 500)]);
        assert_eq!(reversed(payouts[0].id, &payouts), Ok(back), "once");
        payouts.push(paid(&statements, &payouts).unwrap());
        assert_eq!(amounts(&statements, &payouts), []);
        assert_eq!(paid(&statements, &payouts), Err(NotPaid::NothingDue));
    }

    /// As where it was the wrong one, and what is due by now would not allow it to be recorded again.
    #[test]
    fn a_reversal_is_reversed_like_any_other() {
        let statements = [statement("EUR", "2026-10-31", 500), statement("EUR", "2026-11-30", -600)];
        let mut payouts = vec![paid(&statements[..1], &[]).unwrap()];
        payouts.push(reversed(payouts[0].id, &payouts).unwrap());
        payouts.push(reversed(payouts[1].id, &payouts).unwrap());
        assert_eq!((payouts[2].amount_minor, payouts[2].reverses), (500, Some(payouts[1].id)));
        assert_eq!(amounts(&statements, &payouts), []);
        assert_eq!(reversed(payouts[0].id, &payouts), Err(NotReversed::ReversedTwice(payouts[2].id)));
        assert_eq!(reversed(payouts[2].id, &payouts).unwrap().amount_minor, -500);
    }

    #[test]
    fn nothing_is_reversed_that_was_not_paid() {
        let unknown = EntryId::random().unwrap();
        assert_eq!(reversed(unknown, &[]), Err(NotReversed::UnknownPayout(unknown)));
    }
}
