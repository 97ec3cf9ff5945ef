use farthing_protocol::Day;
use thiserror::Error;

use super::due::{Standing, TEST_MONEY};
use super::{EntryId, LedgerOverflow, Payout, Remark, Statement, StatementId, is_test_money};
use crate::publishers::{PayoutReference, PublisherId};

/// A payout that is to be recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paying {
    /// Its id.
    pub id: EntryId,
    /// To whom.
    pub publisher: PublisherId,
    /// Of which statement.
    pub statement: StatementId,
    /// How much, in the currency's minor unit; all that is due unless it is said.
    pub amount_minor: Option<u64>,
    /// By which the publisher finds it on its account.
    pub reference: Remark,
    /// Where it was paid, if that is known.
    pub payout_reference: Option<PayoutReference>,
    /// Whether it was made before the store was restored: then it is entered whatever is due.
    pub after_restore: bool,
    /// Today.
    pub made: Day,
    /// Days after its last one for which a statement is held: bought tokens may have been paid with a stolen card.
    pub hold_days: u32,
}

/// Why nothing was paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum NotPaid {
    /// There is no such statement.
    #[error("the publisher has no statement {0}; `statements list` shows those that were closed")]
    UnknownStatement(StatementId),
    /// It is of a currency that is no money.
    #[error("{TEST_MONEY} is money for tests, and is never paid")]
    TestMoney,
    /// It is held.
    #[error(
        "the statement is held until {0}, because payments for tokens can be taken back; payout_hold_days says how long"
    )]
    Held(Day),
    /// More than is due.
    #[error("{asked} minor units are asked for, and {due} are due; `payouts due` shows what is")]
    TooMuch {
        /// What was asked for.
        asked: u64,
        /// What is due.
        due: u64,
    },
    /// Nothing is due.
    #[error(
        "nothing is due of the statement: it was paid, or the publisher owes as much; `payouts due` shows what is"
    )]
    NothingDue,
    /// Nobody says how much it was.
    #[error(
        "say how much was paid with --amount-minor: of what was paid before the restore the store knows nothing"
    )]
    AmountUnsaid,
    /// A sum does not fit into 64 bits.
    #[error(transparent)]
    Overflow(#[from] LedgerOverflow),
}

/// The payout, if so much is due. `statements` and `payouts` are all of the publisher's.
///
/// # Errors
/// [`NotPaid`].
pub fn pay(paying: &Paying, statements: &[Statement], payouts: &[Payout]) -> Result<Payout, NotPaid> {
    let id = paying.statement;
    let statement = statements.iter().find(|statement| statement.id() == id);
    let statement = statement.ok_or(NotPaid::UnknownStatement(id))?;
    if is_test_money(id.currency) {
        return Err(NotPaid::TestMoney);
    }
    if paying.after_restore {
        // The money has left the bank: what happened is entered, though by today's rules it would not be paid.
        let amount_minor = paying.amount_minor.filter(|amount| *amount > 0).ok_or(NotPaid::AmountUnsaid)?;
        return paying.payout(amount_minor);
    }
    // Which statement is paid first is the operator's choice, so no other one takes anything off what is due of this one.
    let standing = Standing { statements, payouts, today: paying.made, hold_days: paying.hold_days };
    let found = standing.due_of(statement)?.ok_or(NotPaid::NothingDue)?;
    if paying.made < found.payable_from {
        return Err(NotPaid::Held(found.payable_from));
    }
    let amount_minor = paying.amount_minor.unwrap_or(found.payable_minor);
    match amount_minor {
        _ if found.payable_minor == 0 => Err(NotPaid::NothingDue),
        asked if asked == 0 || asked > found.payable_minor => {
            Err(NotPaid::TooMuch { asked, due: found.payable_minor })
        }
        amount_minor => paying.payout(amount_minor),
    }
}

impl Paying {
    fn payout(&self, amount_minor: u64) -> Result<Payout, NotPaid> {
        let amount_minor = i64::try_from(amount_minor).map_err(|_| LedgerOverflow)?;
        // Exports write millionths.
        self.statement.currency.micros_of_minor(amount_minor).ok_or(LedgerOverflow)?;
        Ok(Payout {
            id: self.id,
            publisher: self.publisher,
            statement: self.statement,
            amount_minor,
            reference: self.reference.clone(),
            payout_reference: self.payout_reference.clone(),
            reverses: None,
            made: self.made,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::due;
    use crate::ledger::due::tests::{HOLD, statement};

    fn paying(statement: &str, amount_minor: Option<u64>, made: &str) -> Paying {
        Paying {
            id: EntryId::random().unwrap(),
            publisher: PublisherId::from_bytes([1; 16]),
            statement: statement.parse().unwrap(),
            amount_minor,
            reference: "transfer 7".parse().unwrap(),
            payout_reference: None,
            after_restore: false,
            made: made.parse().unwrap(),
            hold_days: HOLD,
        }
    }

    #[test]
    fn a_statement_is_paid_once_its_hold_is_over() {
        let statements = [statement("EUR", "2026-11-30", 500)];
        let at = |day: &str| pay(&paying("EUR.2026-11-30", None, day), &statements, &[]);
        assert_eq!(at("2026-12-30"), Err(NotPaid::Held("2026-12-31".parse().unwrap())));
        let paid = at("2026-12-31").unwrap();
        assert_eq!((paid.amount_minor, paid.statement.to_string().as_str()), (500, "EUR.2026-11-30"));
        let again = pay(&paying("EUR.2026-11-30", None, "2026-12-31"), &statements, &[paid]);
        assert_eq!(again, Err(NotPaid::NothingDue));
    }

    #[test]
    fn parts_never_come_to_more_than_the_statement() {
        let statements = [statement("EUR", "2026-11-30", 500)];
        let pay = |amount, payouts: &[Payout]| {
            pay(&paying("EUR.2026-11-30", amount, "2027-01-10"), &statements, payouts)
        };
        let first = pay(Some(200), &[]).unwrap();
        let made = [first];
        assert_eq!(pay(Some(301), &made), Err(NotPaid::TooMuch { asked: 301, due: 300 }));
        assert_eq!(pay(Some(0), &made), Err(NotPaid::TooMuch { asked: 0, due: 300 }));
        assert_eq!(pay(None, &made).unwrap().amount_minor, 300);
    }

    #[test]
    fn what_a_publisher_owes_is_taken_off_at_once() {
        let statements = [
            statement("EUR", "2026-10-31", 500),
            statement("EUR", "2026-11-30", -200),
            statement("USD", "2026-10-31", 90),
        ];
        let today = "2026-12-05".parse().unwrap();
        let amounts = |payouts: &[Payout]| -> Vec<(u64, u64)> {
            let all = due(&statements, payouts, today, HOLD, |_| false).unwrap();
            all.iter().map(|due| (due.unpaid_minor, due.payable_minor)).collect()
        };
        assert_eq!(amounts(&[]), [(500, 300), (90, 90)]);
        let paid = pay(&paying("EUR.2026-10-31", None, "2026-12-05"), &statements, &[]).unwrap();
        assert_eq!(paid.amount_minor, 300);
        assert_eq!(amounts(&[paid]), [(200, 0), (90, 90)]);
    }

    /// As it was paid before the store was restored, though by what is known now it would not be.
    #[test]
    fn what_was_paid_before_a_restore_is_entered_as_it_was() {
        let statements = [
            statement("EUR", "2026-10-31", 500),
            statement("EUR", "2026-11-30", -200),
            statement("EUR", "2026-12-31", 400),
        ];
        let again = |amount| {
            let paying = Paying { after_restore: true, ..paying("EUR.2026-10-31", amount, "2026-12-05") };
            pay(&paying, &statements[..2], &[])
        };
        assert_eq!(again(None), Err(NotPaid::AmountUnsaid));
        assert_eq!(again(Some(0)), Err(NotPaid::AmountUnsaid));
        for slip in [u64::MAX, i64::MAX.unsigned_abs() / 10_000 + 1] {
            assert_eq!(again(Some(slip)), Err(NotPaid::Overflow(LedgerOverflow)), "no list could show it");
        }
        let paid = [again(Some(500)).unwrap()];
        let later = due(&statements, &paid, "2027-02-10".parse().unwrap(), HOLD, |_| false).unwrap();
        let payable: Vec<_> = later.iter().map(|due| due.payable_minor).collect();
        assert_eq!(payable, [200], "what it owes is taken off later");
        let none = Paying { after_restore: true, ..paying("USD.2026-10-31", Some(5), "2026-12-05") };
        assert!(matches!(pay(&none, &statements, &[]), Err(NotPaid::UnknownStatement(_))));
    }

    #[test]
    fn test_money_and_unknown_statements_are_not_paid() {
        let statements = [statement("XTS", "2026-10-31", 500), statement("EUR", "2026-10-31", -1)];
        let at = |id: &str| pay(&paying(id, None, "2027-01-10"), &statements, &[]);
        assert_eq!(at("XTS.2026-10-31"), Err(NotPaid::TestMoney));
        assert_eq!(at("EUR.2026-10-31"), Err(NotPaid::NothingDue));
        assert_eq!(at("USD.2026-10-31"), Err(NotPaid::UnknownStatement("USD.2026-10-31".parse().unwrap())));
        assert_eq!(due(&statements, &[], "2027-01-10".parse().unwrap(), HOLD, |_| false), Ok(Vec::new()));
    }
}
