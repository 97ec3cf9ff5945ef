//! The issuer's questions, answered by Redis.

mod copies;
mod issued_totals;
mod leftovers;
mod orders;
mod rebuild;
mod vouchers;

use farthing_service::record::RecordError;
use farthing_service::unavailable::Unavailable;

pub use copies::{RedisCopies, read_ahead};
pub use rebuild::RedisRebuild;

/// The version of the hashes that scripts count in; a script refuses a newer one.
const VERSION: u64 = 1;

/// A record that cannot be read or written makes the store unavailable to whoever needs it.
fn unreadable(error: RecordError) -> Unavailable {
    Unavailable::because(error)
}
