//! Receipts: what a publisher is owed for a redemption, signed at once and kept by the publisher alone.
//!
//! With its receipts a publisher can prove, to anybody who knows the redeemer's public key, what a statement must
//! credit.

mod claims;
mod documents;
mod issue;
mod stated;

pub use claims::Claims;
pub use documents::{Documents, read_receipts};
pub use issue::sign;
pub use stated::Stated;
