//! The redeemer's questions, answered by the embedded store.

mod copies;
mod kept_answers;
mod ledger;
mod leftovers;
mod payouts;
mod publishers;
mod rebuild;
mod redeemed_totals;
mod spent_sets;
mod spent_tokens;
mod statements;

pub use copies::{EmbeddedCopies, FIRST, INDEXES};
pub use rebuild::EmbeddedRebuild;

#[cfg(test)]
mod tests;
