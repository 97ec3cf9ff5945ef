//! The redeemer's questions, answered by the embedded store.

mod copies;
mod kept_answers;
mod ledger;
mod leftovers;
mod publishers;
mod rebuild;
mod redeemed_totals;
mod spent_sets;
mod spent_tokens;

pub use copies::EmbeddedCopies;
pub use rebuild::EmbeddedRebuild;

#[cfg(test)]
mod tests;
