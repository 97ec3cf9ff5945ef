//! The writing side of the keyring: making, rotating, revoking and backing up token keys.
//!
//! Files are only ever added. Of two issuers that share a directory one wins each name, and the other reads it.

mod backup;
mod generate;
mod plan;
mod revoke;
mod rotate;
#[cfg(test)]
mod tests;

pub use backup::{Lock, Unlock, backup, restore};
pub use generate::{GenerateError, new_key};
pub use plan::{Planned, plan};
pub use revoke::revoke;
pub use rotate::{RotateError, init, rotate};
