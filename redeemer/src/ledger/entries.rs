use std::collections::BTreeMap;

use farthing_api::{BalanceEntry, CreditEntry, SignedAmount};
use farthing_protocol::{Currency, Day, Denomination};
use serde::{Deserialize, Serialize};

use super::{Adjustment, LedgerOverflow};
use crate::redemption::{CreditOverflow, sum_by_currency};

/// What a publisher was credited on one day in one denomination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreditLine {
    /// The day.
    pub day: Day,
    /// What each token is worth.
    pub denomination: Denomination,
    /// Tokens.
    pub tokens: u64,
}

impl CreditLine {
    /// The line as JSON shows it.
    pub fn view(&self) -> CreditEntry {
        CreditEntry {
            day: self.day.to_string(),
            currency: self.denomination.currency().to_string(),
            value_micros: self.denomination.value_micros().get(),
            tokens: self.tokens,
        }
    }
}

/// All that a store has in a publisher's ledger.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entries {
    /// What it was credited, by day and denomination, in their order.
    pub credits: Vec<CreditLine>,
    /// The operator's entries, by day and id.
    pub adjustments: Vec<Adjustment>,
}

impl Entries {
    /// The entries in their order, whichever they were read in; a store may keep the credits of one day and denomination
    /// in several parts.
    ///
    /// # Errors
    /// A sum beyond 64 bits.
    pub fn of(
        parts: impl IntoIterator<Item = CreditLine>,
        mut adjustments: Vec<Adjustment>,
    ) -> Result<Self, LedgerOverflow> {
        let mut sums: BTreeMap<(Day, Denomination), u64> = BTreeMap::new();
        for CreditLine { day, denomination, tokens } in parts {
            let sum = sums.entry((day, denomination)).or_default();
            *sum = sum.checked_add(tokens).ok_or(LedgerOverflow)?;
        }
        adjustments.sort_by_key(|entry| (entry.day, entry.id));
        let line = |((day, denomination), tokens)| CreditLine { day, denomination, tokens };
        Ok(Self { credits: sums.into_iter().map(line).collect(), adjustments })
    }

    /// The credits alone, a line for each currency in the alphabet's order.
    ///
    /// # Errors
    /// A sum beyond 64 bits.
    pub fn credit(&self) -> Result<Vec<BalanceEntry>, CreditOverflow> {
        sum_by_currency(self.credits.iter().map(|line| {
            (line.denomination.currency().code(), line.denomination.value_micros().get(), line.tokens)
        }))
    }

    /// Credits and adjustments together, a line for each currency in the alphabet's order. May be below zero.
    ///
    /// # Errors
    /// A sum beyond 64 bits.
    pub fn balance(&self) -> Result<Vec<SignedAmount>, LedgerOverflow> {
        let credits = self.credits.iter().map(|line| (line.denomination, i128::from(line.tokens)));
        let adjustments =
            self.adjustments.iter().map(|entry| (entry.denomination, i128::from(entry.tokens.get())));
        let mut sums: BTreeMap<Currency, (i128, i128)> = BTreeMap::new();
        for (denomination, tokens) in credits.chain(adjustments) {
            let (micros, count) = sums.entry(denomination.currency()).or_default();
            // A product is below 2^117, so only an absurd number of entries could leave 128 bits.
            let value = i128::from(denomination.value_micros().get()) * tokens;
            *micros = micros.checked_add(value).ok_or(LedgerOverflow)?;
            *count = count.checked_add(tokens).ok_or(LedgerOverflow)?;
        }
        sums.into_iter()
            .map(|(currency, (micros, tokens))| {
                Ok(SignedAmount {
                    currency: currency.to_string(),
                    micros: i64::try_from(micros).map_err(|_| LedgerOverflow)?,
                    tokens: i64::try_from(tokens).map_err(|_| LedgerOverflow)?,
                })
            })
            .collect()
    }
}
