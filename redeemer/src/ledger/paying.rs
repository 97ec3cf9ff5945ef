use farthing_protocol::{Currency, Day};
use thiserror::Error;

use super::{EntryId, Payout, Remark, Statement, StatementId};
use crate::publishers::PublisherId;

/// ISO 4217's code for tests.
const TEST_MONEY: &str = "XTS";

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
    #[error("the sums of the ledger do not fit into 64 bits")]
    Overflow,
}

/// A statement of which something is due, now or later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// Which.
    pub statement: StatementId,
    /// How much of it is not paid, in the currency's minor unit.
    pub unpaid_minor: u64,
    /// The first day on which it may be paid.
    pub payable_from: Day,
    /// How much of it may be paid today: less than what is unpaid where it is held, or where the publisher owes something.
    pub payable_minor: u64,
}

/// The payout, if so much is due. `statements` and `payouts` are all of the publisher's.
///
/// # Errors
/// [`NotPaid`].
pub fn pay(paying: &Paying, statements: &[Statement], payouts: &[Payout]) -> Result<Payout, NotPaid> {
    let id = paying.statement;
    if !statements.iter().any(|statement| statement.id() == id) {
        return Err(NotPaid::UnknownStatement(id));
    }
    if is_test_money(id.currency) {
        return Err(NotPaid::TestMoney);
    }
    if paying.after_restore {
        // The money has left the bank: what happened is entered, though by today's rules it would not be paid.
        let amount_minor = paying.amount_minor.filter(|amount| *amount > 0).ok_or(NotPaid::AmountUnsaid)?;
        return Ok(paying.payout(amount_minor));
    }
    let all = due(statements, payouts, paying.made, paying.hold_days)?;
    let Some(found) = all.into_iter().find(|due| due.statement == id) else {
        return Err(NotPaid::NothingDue);
    };
    if paying.made < found.payable_from {
        return Err(NotPaid::Held(found.payable_from));
    }
    let amount_minor = paying.amount_minor.unwrap_or(found.payable_minor);
    match amount_minor {
        _ if found.payable_minor == 0 => Err(NotPaid::NothingDue),
        asked if asked == 0 || asked > found.payable_minor => {
            Err(NotPaid::TooMuch { asked, due: found.payable_minor })
        }
        amount_minor => Ok(paying.payout(amount_minor)),
    }
}

impl Paying {
    fn payout(&self, amount_minor: u64) -> Payout {
        Payout {
            id: self.id,
            publisher: self.publisher,
            statement: self.statement,
            amount_minor,
            reference: self.reference.clone(),
            made: self.made,
        }
    }
}

/// What is due of a publisher's statements, oldest first; test money never is. What the publisher owes, by statements
/// below zero, is taken off what is due of the others, whether they are held or not.
///
/// # Errors
/// [`NotPaid::Overflow`].
pub fn due(
    statements: &[Statement],
    payouts: &[Payout],
    today: Day,
    hold_days: u32,
) -> Result<Vec<Due>, NotPaid> {
    let mut all = Vec::new();
    for statement in statements.iter().filter(|statement| !is_test_money(statement.currency)) {
        let id = statement.id();
        let paid =
            sum(payouts.iter().filter(|payout| payout.statement == id).map(|payout| payout.amount_minor))?;
        let unpaid_minor = u64::try_from(statement.net_minor).unwrap_or(0).saturating_sub(paid);
        if unpaid_minor == 0 {
            continue;
        }
        let payable_from = statement.through.next().plus(hold_days);
        let free = if today < payable_from {
            0
        } else {
            balance(statements, payouts, id.currency, today, hold_days)?
        };
        all.push(Due { statement: id, unpaid_minor, payable_from, payable_minor: unpaid_minor.min(free) });
    }
    Ok(all)
}

/// What all statements of a currency that are not held come to, less what was paid; none if that is below zero.
fn balance(
    statements: &[Statement],
    payouts: &[Payout],
    currency: Currency,
    today: Day,
    hold_days: u32,
) -> Result<u64, NotPaid> {
    let counts = |statement: &&Statement| {
        let is_free = today >= statement.through.next().plus(hold_days);
        statement.currency == currency && (is_free || statement.net_minor < 0)
    };
    let net = statements
        .iter()
        .filter(counts)
        .try_fold(0_i64, |sum, statement| sum.checked_add(statement.net_minor));
    let of_currency = payouts.iter().filter(|payout| payout.statement.currency == currency);
    let paid = sum(of_currency.map(|payout| payout.amount_minor))?;
    let net = u64::try_from(net.ok_or(NotPaid::Overflow)?).unwrap_or(0);
    Ok(net.saturating_sub(paid))
}

fn sum(mut amounts: impl Iterator<Item = u64>) -> Result<u64, NotPaid> {
    amounts.try_fold(0_u64, u64::checked_add).ok_or(NotPaid::Overflow)
}

/// Whether a currency is that of tests, which is never owed and never paid.
pub fn is_test_money(currency: Currency) -> bool {
    currency.code() == TEST_MONEY
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOLD: u32 = 30;

    fn statement(currency: &str, through: &str, net_minor: i64) -> Statement {
        let through = through.parse().unwrap();
        Statement {
            publisher: PublisherId::from_bytes([1; 16]),
            currency: currency.parse().unwrap(),
            from: through,
            through,
            closed: through.next(),
            commission_basis_points: serde_json::from_value(0.into()).unwrap(),
            credits: Vec::new(),
            adjustments: Vec::new(),
            carried_in_micros: 0,
            gross_micros: 0,
            fee_micros: 0,
            net_minor,
            carried_micros: 0,
        }
    }

    fn paying(statement: &str, amount_minor: Option<u64>, made: &str) -> Paying {
        Paying {
            id: EntryId::random().unwrap(),
            publisher: PublisherId::from_bytes([1; 16]),
            statement: statement.parse().unwrap(),
            amount_minor,
            reference: "transfer 7".parse().unwrap(),
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
            let all = due(&statements, payouts, today, HOLD).unwrap();
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
        let paid = [again(Some(500)).unwrap()];
        let later = due(&statements, &paid, "2027-02-10".parse().unwrap(), HOLD).unwrap();
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
        assert_eq!(due(&statements, &[], "2027-01-10".parse().unwrap(), HOLD), Ok(Vec::new()));
    }
}
