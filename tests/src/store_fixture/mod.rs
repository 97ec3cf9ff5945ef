//! Stores as a released version left them, kept in `tests/stores/VERSION/KIND`: what they are, and how
//! `cargo xtask store-fixture` writes those of the present version.

mod expected;
pub(crate) mod files;
mod write;

pub use expected::{Expected, IssuedOrder, KeptOrder, KeptPublisher, KeptRedemption, OfServices, Vouchers};
pub use write::{Kind, totals, write};

use crate::programs::Program;

/// The file of a fixture that says what must hold.
pub const EXPECTED: &str = "expected.json";
/// The wallet's name.
pub const READER: &str = "reader";
/// Stands in a kept configuration for the URL of a Redis server, which is another each time.
pub(crate) const REDIS_URL: &str = "redis://kept";

/// The directory of a fixture with the append-only files of a service's Redis server.
pub(crate) const fn server_directory(program: Program) -> &'static str {
    match program {
        Program::Issuer => "issuer-redis",
        Program::Redeemer => "redeemer-redis",
        Program::Gate => "gate-redis",
        Program::Wallet => "wallet-redis",
    }
}
