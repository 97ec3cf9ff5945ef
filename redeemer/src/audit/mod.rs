//! Comparing what was redeemed here with what the issuer says it issued: more redeemed than issued means that a token key
//! was stolen, or that a store lost something.
//!
//! The issuer's word is its published document, signed by a key that the configuration pins. There is no other way
//! between the two services.

mod alarm;
mod comparison;
mod config;
mod fetch;
mod issued;
mod watch;

pub use alarm::AuditAlarm;
pub use comparison::{Report, compare};
pub use config::AuditConfig;
pub use fetch::fetch;
pub use issued::Issued;
