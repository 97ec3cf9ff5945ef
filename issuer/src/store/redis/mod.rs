//! The issuer's questions, answered by Redis.

mod issued_totals;
mod leftovers;
mod orders;
mod vouchers;

use farthing_service::record::RecordError;
use farthing_service::unavailable::Unavailable;

/// A record that cannot be read or written makes the store unavailable to whoever needs it.
fn unreadable(error: RecordError) -> Unavailable {
    Unavailable::because(error)
}
