use std::collections::BTreeMap;

use farthing_protocol::{Currency, Day};

use super::{LedgerOverflow, Payout, Statement, StatementId};

/// ISO 4217's code for tests.
pub(super) const TEST_MONEY: &str = "XTS";

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

/// What is due of a publisher's statements, which come oldest first; test money never is. What the publisher owes, by
/// statements below zero, is taken off what is due of the others, whether they are held or not. All that is payable in a
/// currency may be paid together: what one line has of the balance, the next has not. What is settled otherwise than by
/// payouts is none of the lines, and has nothing of the balance.
///
/// # Errors
/// A sum beyond 64 bits.
pub fn due(
    statements: &[Statement],
    payouts: &[Payout],
    today: Day,
    hold_days: u32,
    is_settled: impl Fn(StatementId) -> bool,
) -> Result<Vec<Due>, LedgerOverflow> {
    let standing = Standing { statements, payouts, today, hold_days };
    let mut left: BTreeMap<Currency, u64> = BTreeMap::new();
    let mut all = Vec::new();
    let counts = |it: &&Statement| !is_test_money(it.currency) && !is_settled(it.id());
    for statement in statements.iter().filter(counts) {
        let Some(due) = standing.due_of(statement)? else { continue };
        let currency = statement.currency;
        let left = match left.get_mut(&currency) {
            Some(left) => left,
            None => left.entry(currency).or_insert(standing.balance(currency)?),
        };
        let payable_minor = due.payable_minor.min(*left);
        *left -= payable_minor;
        all.push(Due { payable_minor, ..due });
    }
    Ok(all)
}

/// How a publisher's account stands on a day. `statements` and `payouts` are all of the publisher's.
pub(super) struct Standing<'a> {
    pub(super) statements: &'a [Statement],
    pub(super) payouts: &'a [Payout],
    pub(super) today: Day,
    pub(super) hold_days: u32,
}

impl Standing<'_> {
    /// What is due of a statement if no other is paid, or nothing.
    pub(super) fn due_of(&self, statement: &Statement) -> Result<Option<Due>, LedgerOverflow> {
        let id = statement.id();
        let paid = paid(self.payouts, |payout| payout.statement == id);
        let unpaid_minor = none_below_zero(i128::from(statement.net_minor.max(0)) - paid)?;
        if unpaid_minor == 0 {
            return Ok(None);
        }
        let payable_from = self.payable_from(statement);
        let free = if self.today < payable_from { 0 } else { self.balance(id.currency)? };
        Ok(Some(Due { statement: id, unpaid_minor, payable_from, payable_minor: unpaid_minor.min(free) }))
    }

    /// What all statements of a currency that are not held come to, less what was paid; none if that is below zero.
    fn balance(&self, currency: Currency) -> Result<u64, LedgerOverflow> {
        let counts = |statement: &&Statement| {
            let is_free = self.today >= self.payable_from(statement);
            statement.currency == currency && (is_free || statement.net_minor < 0)
        };
        let net: i128 =
            self.statements.iter().filter(counts).map(|statement| i128::from(statement.net_minor)).sum();
        none_below_zero(net - paid(self.payouts, |payout| payout.statement.currency == currency))
    }

    fn payable_from(&self, statement: &Statement) -> Day {
        statement.through.next().plus(self.hold_days)
    }
}

/// What these of the payouts come to, less what of them was reversed.
pub(super) fn paid(payouts: &[Payout], of: impl Fn(&Payout) -> bool) -> i128 {
    payouts.iter().filter(|payout| of(payout)).map(|payout| i128::from(payout.amount_minor)).sum()
}

fn none_below_zero(minor: i128) -> Result<u64, LedgerOverflow> {
    u64::try_from(minor.max(0)).map_err(|_| LedgerOverflow)
}

/// Whether a currency is that of tests, which is never owed and never paid.
pub fn is_test_money(currency: Currency) -> bool {
    currency.code() == TEST_MONEY
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::publishers::PublisherId;

    pub(in crate::ledger) const HOLD: u32 = 30;

    pub(in crate::ledger) fn statement(currency: &str, through: &str, net_minor: i64) -> Statement {
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

    /// Unpaid and payable of each line.
    fn amounts(statements: &[Statement], today: &str) -> Vec<(u64, u64)> {
        let all = due(statements, &[], today.parse().unwrap(), HOLD, |_| false).unwrap();
        all.iter().map(|due| (due.unpaid_minor, due.payable_minor)).collect()
    }

    #[test]
    fn whoever_pays_every_line_pays_no_more_than_the_balance() {
        let statements = [
            statement("EUR", "2026-10-31", 500),
            statement("EUR", "2026-11-30", 500),
            statement("EUR", "2026-12-31", -600),
            statement("USD", "2026-10-31", 90),
        ];
        assert_eq!(amounts(&statements, "2027-01-02"), [(500, 400), (500, 0), (90, 90)]);
        assert_eq!(amounts(&statements[..2], "2027-01-02"), [(500, 500), (500, 500)]);
        assert_eq!(amounts(&statements[..2], "2026-12-30"), [(500, 500), (500, 0)], "the second is held");
    }

    #[test]
    fn what_is_settled_takes_nothing_from_what_is_due() {
        let statements = [
            statement("EUR", "2026-10-31", 500),
            statement("EUR", "2026-11-30", -300),
            statement("EUR", "2026-12-31", 10),
        ];
        let (today, settled) = ("2027-02-10".parse().unwrap(), statements[0].id());
        let all = due(&statements, &[], today, HOLD, |id| id == settled).unwrap();
        let lines: Vec<_> = all.iter().map(|due| (due.statement, due.payable_minor)).collect();
        assert_eq!(lines, [(statements[2].id(), 10)]);
    }

    #[test]
    fn sums_beyond_64_bits_are_said() {
        let statements = [
            statement("EUR", "2026-10-31", i64::MAX),
            statement("EUR", "2026-11-30", i64::MAX),
            statement("EUR", "2026-12-31", i64::MAX),
        ];
        let today = "2027-02-10".parse().unwrap();
        assert_eq!(due(&statements[..2], &[], today, HOLD, |_| false).unwrap().len(), 2);
        assert_eq!(due(&statements, &[], today, HOLD, |_| false), Err(LedgerOverflow));
    }

    proptest! {
        #[test]
        fn payable_lines_never_come_to_more_than_the_balance(
            nets in proptest::collection::vec((0..2_usize, -1_000..1_000_i64), 0..12),
            later in 0..500_u32,
        ) {
            let (first, currencies): (Day, _) = ("2026-01-31".parse().unwrap(), ["EUR", "USD"]);
            let statements: Vec<_> = (0..)
                .zip(&nets)
                .map(|(number, (currency, net))| {
                    statement(currencies[*currency], &first.plus(30 * number).to_string(), *net)
                })
                .collect();
            let today = first.plus(later);
            let all = due(&statements, &[], today, HOLD, |_| false).unwrap();
            let standing = Standing { statements: &statements, payouts: &[], today, hold_days: HOLD };
            for currency in currencies {
                let currency = currency.parse().unwrap();
                let lines = all.iter().filter(|line| line.statement.currency == currency);
                let payable: u64 = lines.map(|line| line.payable_minor).sum();
                prop_assert!(payable <= standing.balance(currency).unwrap());
                // Nor is anything kept back: what the lines leave of the balance, no line lacks.
                let held = all.iter().filter(|line| {
                    line.statement.currency == currency && today >= line.payable_from
                        && line.payable_minor < line.unpaid_minor
                });
                prop_assert!(held.count() == 0 || payable == standing.balance(currency).unwrap());
            }
        }
    }
}
