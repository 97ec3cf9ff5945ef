//! The issuer's questions, answered by the embedded store.

mod copies;
mod issued_totals;
mod leftovers;
mod orders;
mod pending_orders;
mod rebuild;
mod vouchers;

pub use copies::{EmbeddedCopies, FIRST};
pub use rebuild::EmbeddedRebuild;
