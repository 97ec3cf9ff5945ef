//! The issuer's questions, answered by the embedded store.

mod issued_totals;
mod leftovers;
mod orders;
mod pending_orders;
mod vouchers;
