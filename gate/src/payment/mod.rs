//! Payments: what tokens must be to pay a price, and how a payment is repeated. Pure.

mod accepted_key;
mod check;
mod refusal;
mod retry;

pub use accepted_key::{AcceptedKey, AcceptedKeys};
pub use check::check;
pub use refusal::Refusal;
pub use retry::{Bucket, idempotency_key};
