use std::collections::BTreeMap;

use farthing_protocol::{Currency, Day};
use thiserror::Error;

use super::{Adjustment, BasisPoints, CreditLine, Entries, Statement, unstated};
use crate::publishers::PublisherId;

/// What is to be closed, and how.
#[derive(Debug, Clone, Copy)]
pub struct Closing {
    /// Whose entries.
    pub publisher: PublisherId,
    /// Through which day; it has ended.
    pub through: Day,
    /// Today.
    pub closed: Day,
    /// The share that the operator keeps.
    pub commission: BasisPoints,
}

/// A sum does not fit into 64 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a sum of the ledger does not fit into 64 bits")]
pub struct LedgerOverflow;

/// The statements that close what `entries` have through the day and no earlier statement has: one for each currency with
/// anything in it, unless that day is stated already. `earlier` are all statements of the publisher.
///
/// # Errors
/// A sum beyond 64 bits.
pub fn close(
    closing: &Closing,
    entries: &Entries,
    earlier: &[Statement],
) -> Result<Vec<Statement>, LedgerOverflow> {
    let Entries { credits, adjustments } = unstated(entries, earlier)?;
    let mut open: BTreeMap<Currency, (Vec<CreditLine>, Vec<Adjustment>)> = BTreeMap::new();
    for line in credits.into_iter().filter(|line| line.day <= closing.through) {
        open.entry(line.denomination.currency()).or_default().0.push(line);
    }
    for entry in adjustments.into_iter().filter(|entry| entry.day <= closing.through) {
        open.entry(entry.denomination.currency()).or_default().1.push(entry);
    }
    let mut closed = Vec::new();
    for (currency, (credits, adjustments)) in open {
        let of_it = earlier.iter().filter(|statement| statement.currency == currency);
        let last = of_it.max_by_key(|statement| statement.through);
        if last.is_none_or(|last| last.through < closing.through) {
            closed.push(statement(closing, currency, credits, adjustments, last)?);
        }
    }
    Ok(closed)
}

fn statement(
    closing: &Closing,
    currency: Currency,
    credits: Vec<CreditLine>,
    adjustments: Vec<Adjustment>,
    last: Option<&Statement>,
) -> Result<Statement, LedgerOverflow> {
    let first = credits.iter().map(|line| line.day).chain(adjustments.iter().map(|entry| entry.day)).min();
    let from = last.map_or(first.unwrap_or(closing.through), |last| last.through.next());
    let carried_in = last.map_or(0, |last| last.carried_micros);
    let amounts = Amounts::new(
        gross_micros(&credits, &adjustments)?,
        closing.commission,
        carried_in,
        currency.minor_unit_micros(),
    )?;
    Ok(Statement {
        publisher: closing.publisher,
        currency,
        from,
        through: closing.through,
        closed: closing.closed,
        commission_basis_points: closing.commission,
        credits,
        adjustments,
        carried_in_micros: carried_in,
        gross_micros: amounts.gross_micros,
        fee_micros: amounts.fee_micros,
        net_minor: amounts.net_minor,
        carried_micros: amounts.carried_micros,
    })
}

fn gross_micros(credits: &[CreditLine], adjustments: &[Adjustment]) -> Result<i128, LedgerOverflow> {
    let credits = credits.iter().map(|line| (line.denomination, i128::from(line.tokens)));
    let adjustments = adjustments.iter().map(|entry| (entry.denomination, i128::from(entry.tokens.get())));
    credits.chain(adjustments).try_fold(0_i128, |sum, (denomination, tokens)| {
        let value =
            i128::from(denomination.value_micros().get()).checked_mul(tokens).ok_or(LedgerOverflow)?;
        sum.checked_add(value).ok_or(LedgerOverflow)
    })
}

/// The arithmetic of a statement.
struct Amounts {
    gross_micros: i64,
    fee_micros: i64,
    net_minor: i64,
    carried_micros: u64,
}

impl Amounts {
    /// Fee and net are rounded down, also below zero: so the fee is never a part of a micro too high, and what is carried
    /// is never negative.
    fn new(
        gross: i128,
        commission: BasisPoints,
        carried_in: u64,
        minor_unit: u64,
    ) -> Result<Self, LedgerOverflow> {
        let share = gross.checked_mul(commission.get().into()).ok_or(LedgerOverflow)?;
        let fee = share.div_euclid(BasisPoints::WHOLE.into());
        let due = (gross - fee).checked_add(carried_in.into()).ok_or(LedgerOverflow)?;
        let unit = i128::from(minor_unit);
        Ok(Self {
            gross_micros: i64::try_from(gross).map_err(|_| LedgerOverflow)?,
            fee_micros: i64::try_from(fee).map_err(|_| LedgerOverflow)?,
            net_minor: i64::try_from(due.div_euclid(unit)).map_err(|_| LedgerOverflow)?,
            carried_micros: u64::try_from(due.rem_euclid(unit)).map_err(|_| LedgerOverflow)?,
        })
    }
}

#[cfg(test)]
mod tests;
