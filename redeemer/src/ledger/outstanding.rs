use std::collections::BTreeMap;
use std::fmt;

use farthing_protocol::{Currency, Day};

use super::{Account, BasisPoints, Closing, LedgerOverflow, close, is_test_money};
use crate::publishers::PublisherId;

/// What is open between operator and publisher in one currency, closed into a statement or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outstanding {
    /// The currency.
    pub currency: Currency,
    /// What the publisher is owed, in the currency's minor unit, rounded down; below zero it owes that.
    pub minor: i64,
}

impl fmt::Display for Outstanding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = i128::from(self.minor) * i128::from(self.currency.minor_unit_micros());
        write!(f, "{} {}", self.currency.decimal(micros, '.'), self.currency)
    }
}

/// What is open in each currency in which anything is, in the alphabet's order: the statements, with those that would be
/// closed if today had ended, less what was paid. Test money is never owed, and less than a minor unit is nothing yet.
///
/// # Errors
/// A sum beyond 64 bits.
pub fn outstanding(
    publisher: PublisherId,
    today: Day,
    commission: BasisPoints,
    account: &Account,
) -> Result<Vec<Outstanding>, LedgerOverflow> {
    let closing = Closing { publisher, through: today, closed: today, commission };
    let Account { entries, statements, payouts } = account;
    let unstated = close(&closing, entries, statements)?;
    let net = statements.iter().chain(&unstated).map(|it| (it.currency, i128::from(it.net_minor)));
    let paid = payouts.iter().map(|it| (it.statement.currency, -i128::from(it.amount_minor)));
    let mut sums: BTreeMap<Currency, i128> = BTreeMap::new();
    for (currency, minor) in net.chain(paid).filter(|(currency, _)| !is_test_money(*currency)) {
        let sum = sums.entry(currency).or_default();
        *sum = sum.checked_add(minor).ok_or(LedgerOverflow)?;
    }
    sums.into_iter()
        .filter(|(_, minor)| *minor != 0)
        .map(|(currency, minor)| {
            Ok(Outstanding { currency, minor: i64::try_from(minor).map_err(|_| LedgerOverflow)? })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{CreditLine, Entries, EntryId, Payout, Statement, StatementId};

    const PUBLISHER: PublisherId = PublisherId::from_bytes([1; 16]);

    fn entries(lines: &[(&str, &str, u64)]) -> Entries {
        let line = |(day, denomination, tokens): &(&str, &str, u64)| CreditLine {
            day: day.parse().unwrap(),
            denomination: denomination.parse().unwrap(),
            tokens: *tokens,
        };
        Entries::of(lines.iter().map(line), Vec::new()).unwrap()
    }

    fn open(entries: &Entries, statements: &[Statement], payouts: &[Payout]) -> Vec<String> {
        let (today, commission) = ("2026-12-05".parse().unwrap(), BasisPoints::default());
        let account =
            Account { entries: entries.clone(), statements: statements.to_vec(), payouts: payouts.to_vec() };
        let open = outstanding(PUBLISHER, today, commission, &account).unwrap();
        open.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_is_credited_stated_and_paid_adds_up() {
        let credited = entries(&[
            ("2026-11-30", "EUR-10000", 5),
            ("2026-12-04", "EUR-10000", 2),
            ("2026-12-05", "XTS-10000", 9),
            ("2026-12-05", "USD-5000", 1),
        ]);
        assert_eq!(
            open(&credited, &[], &[]),
            ["0.07 EUR"],
            "half a cent is nothing yet, and test money never"
        );
        let closing = Closing {
            publisher: PUBLISHER,
            through: "2026-11-30".parse().unwrap(),
            closed: "2026-12-01".parse().unwrap(),
            commission: BasisPoints::default(),
        };
        let statements = close(&closing, &credited, &[]).unwrap();
        assert_eq!(open(&credited, &statements, &[]), ["0.07 EUR"]);
        let pay = |amount_minor| Payout {
            id: EntryId::random().unwrap(),
            publisher: PUBLISHER,
            statement: StatementId { currency: "EUR".parse().unwrap(), through: closing.through },
            amount_minor,
            reference: "transfer 7".parse().unwrap(),
            payout_reference: None,
            reverses: None,
            made: "2026-12-05".parse().unwrap(),
        };
        assert_eq!(open(&credited, &statements, &[pay(5)]), ["0.02 EUR"]);
        assert_eq!(open(&credited, &statements, &[pay(5), pay(2)]), [""; 0]);
        assert_eq!(open(&credited, &statements, &[pay(5), pay(3)]), ["-0.01 EUR"]);
        let wrong = pay(3);
        let back = wrong.reversal("it came back".parse().unwrap(), wrong.made);
        assert_eq!(open(&credited, &statements, &[pay(5), wrong, back]), ["0.02 EUR"]);
    }
}
