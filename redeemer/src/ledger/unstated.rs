use std::collections::{BTreeMap, BTreeSet};

use farthing_protocol::{Currency, Day, Denomination};

use super::{CreditLine, Entries, LedgerOverflow, Statement, StatementId};

/// What of `entries` no closed statement has. `statements` are all of the publisher, read before its entries.
///
/// # Errors
/// A sum beyond 64 bits.
pub fn unstated(entries: &Entries, statements: &[Statement]) -> Result<Entries, LedgerOverflow> {
    let mut stated: BTreeMap<(Day, Denomination), u64> = BTreeMap::new();
    for line in statements.iter().flat_map(|statement| &statement.credits) {
        let tokens = stated.entry((line.day, line.denomination)).or_default();
        *tokens = tokens.checked_add(line.tokens).ok_or(LedgerOverflow)?;
    }
    let credits = entries.credits.iter().filter_map(|line| {
        let before = stated.get(&(line.day, line.denomination)).copied().unwrap_or_default();
        let tokens = line.tokens.saturating_sub(before);
        (tokens > 0).then_some(CreditLine { tokens, ..*line })
    });
    let stated = statements.iter().flat_map(|statement| &statement.adjustments);
    let stated: BTreeSet<_> = stated.map(|entry| entry.id.as_bytes()).collect();
    let adjustments = entries.adjustments.iter().filter(|entry| !stated.contains(entry.id.as_bytes()));
    Ok(Entries { credits: credits.collect(), adjustments: adjustments.cloned().collect() })
}

/// The last in each currency of statements that come oldest first, in the alphabet's order: these and all before them are what
/// [`unstated`] has taken off.
pub fn last_of_each_currency(statements: &[Statement]) -> impl Iterator<Item = StatementId> + use<> {
    let last: BTreeMap<Currency, StatementId> =
        statements.iter().map(|statement| (statement.currency, statement.id())).collect();
    last.into_values()
}
