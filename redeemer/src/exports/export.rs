use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{Cell, Days, Table};
use crate::ledger::{CreditLine, LedgerOverflow, Payout, Statement};

/// Which table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Export {
    /// What was redeemed, a row a day and value of a token.
    Redemptions,
    /// What was closed, a row a statement.
    Statements,
    /// What was paid, a row a payout or reversal of one.
    Payouts,
}

/// How a table is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// RFC 4180.
    Csv,
    /// A list of objects.
    Json,
}

/// Text that names no table or no form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum UnknownExport {
    /// No table.
    #[error("write redemptions, statements or payouts")]
    Table,
    /// No form.
    #[error("write csv or json")]
    Form,
}

impl FromStr for Export {
    type Err = UnknownExport;

    fn from_str(text: &str) -> Result<Self, UnknownExport> {
        match text {
            "redemptions" => Ok(Self::Redemptions),
            "statements" => Ok(Self::Statements),
            "payouts" => Ok(Self::Payouts),
            _ => Err(UnknownExport::Table),
        }
    }
}

impl FromStr for Form {
    type Err = UnknownExport;

    fn from_str(text: &str) -> Result<Self, UnknownExport> {
        match text {
            "csv" => Ok(Self::Csv),
            "json" => Ok(Self::Json),
            _ => Err(UnknownExport::Form),
        }
    }
}

impl Export {
    /// Columns in which some rows have nothing.
    pub const SPARSE: [&str; 2] = ["payout_reference", "reverses"];

    /// The names of the columns.
    pub const fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Redemptions => {
                &["day", "currency", "value", "value_micros", "tokens", "amount", "amount_micros"]
            }
            Self::Statements => &[
                "statement",
                "currency",
                "from",
                "through",
                "closed",
                "carried_in",
                "carried_in_micros",
                "gross",
                "gross_micros",
                "commission_basis_points",
                "fee",
                "fee_micros",
                "net",
                "net_micros",
                "carried",
                "carried_micros",
            ],
            Self::Payouts => &[
                "payout",
                "made",
                "statement",
                "currency",
                "amount",
                "amount_micros",
                "reference",
                "payout_reference",
                "reverses",
            ],
        }
    }
}

/// The redemptions of these days.
///
/// # Errors
/// An amount beyond 64 bits.
pub fn redemptions(lines: &[CreditLine], days: &Days) -> Result<Table, LedgerOverflow> {
    let mut table = Table::new(Export::Redemptions.columns());
    for line in lines.iter().filter(|line| days.contain(line.day)) {
        let (currency, worth) = (line.denomination.currency(), line.denomination.value_micros().get());
        let [value, value_micros] = Cell::amount(currency, micros(worth, 1)?);
        let [amount, amount_micros] = Cell::amount(currency, micros(worth, line.tokens)?);
        let tokens = Cell::Number(line.tokens.into());
        let (day, currency) = (Cell::text(line.day), Cell::text(currency));
        table.push(vec![day, currency, value, value_micros, tokens, amount, amount_micros]);
    }
    Ok(table)
}

/// The statements whose last day is one of these.
///
/// # Errors
/// An amount beyond 64 bits.
pub fn statements(statements: &[Statement], days: &Days) -> Result<Table, LedgerOverflow> {
    let mut table = Table::new(Export::Statements.columns());
    for statement in statements.iter().filter(|statement| days.contain(statement.through)) {
        let currency = statement.currency;
        let unsigned = |micros: u64| i64::try_from(micros).map_err(|_| LedgerOverflow);
        let net = currency.micros_of_minor(statement.net_minor).ok_or(LedgerOverflow)?;
        let mut row = vec![Cell::text(statement.id()), Cell::text(currency)];
        row.extend([statement.from, statement.through, statement.closed].map(Cell::text));
        row.extend(Cell::amount(currency, unsigned(statement.carried_in_micros)?));
        row.extend(Cell::amount(currency, statement.gross_micros));
        row.push(Cell::Number(statement.commission_basis_points.get().into()));
        row.extend(Cell::amount(currency, statement.fee_micros));
        row.extend(Cell::amount(currency, net));
        row.extend(Cell::amount(currency, unsigned(statement.carried_micros)?));
        table.push(row);
    }
    Ok(table)
}

/// The payouts that were recorded on these days.
///
/// # Errors
/// An amount beyond 64 bits.
pub fn payouts(payouts: &[Payout], days: &Days) -> Result<Table, LedgerOverflow> {
    let mut table = Table::new(Export::Payouts.columns());
    for payout in payouts.iter().filter(|payout| days.contain(payout.made)) {
        let currency = payout.statement.currency;
        let amount = currency.micros_of_minor(payout.amount_minor).ok_or(LedgerOverflow)?;
        let mut row = vec![Cell::text(payout.id), Cell::text(payout.made)];
        row.extend([Cell::text(payout.statement), Cell::text(currency)]);
        row.extend(Cell::amount(currency, amount));
        row.push(Cell::text(payout.reference.as_str()));
        row.push(payout.payout_reference.as_ref().map_or(Cell::None, |paid_to| Cell::text(paid_to.as_str())));
        row.push(payout.reverses.map_or(Cell::None, Cell::text));
        table.push(row);
    }
    Ok(table)
}

fn micros(value: u64, count: u64) -> Result<i64, LedgerOverflow> {
    value.checked_mul(count).and_then(|product| i64::try_from(product).ok()).ok_or(LedgerOverflow)
}
