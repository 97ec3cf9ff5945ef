//! The redeemer's questions, answered by the embedded store.

mod kept_answers;
mod ledger;
mod leftovers;
mod publishers;
mod redeemed_totals;
mod spent_sets;
mod spent_tokens;
mod statements;

#[cfg(test)]
mod tests;
