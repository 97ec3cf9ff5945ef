//! The issuer's questions, answered by the embedded store.

mod issued_totals;
mod orders;
mod vouchers;
