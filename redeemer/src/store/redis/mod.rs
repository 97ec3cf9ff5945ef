//! The redeemer's questions, answered by Redis.

mod across_groups;
mod attempt;
mod copies;
mod kept_answers;
mod ledger;
mod leftovers;
mod payouts;
mod publishers;
mod rebuild;
mod redeemed_totals;
mod spent_sets;
mod spent_tokens;
mod statements;

#[cfg(test)]
mod tests;

use farthing_service::record::RecordError;
use farthing_service::redis::RedisStore;
use farthing_service::unavailable::Unavailable;

use crate::redemption::IdempotencyMac;

pub use copies::{RedisCopies, read_ahead};
pub use rebuild::RedisRebuild;
pub use spent_sets::repack;

/// The version of the hashes that scripts count in; a script refuses a newer one.
const VERSION: u64 = 1;

/// A record that cannot be read or written makes the store unavailable to whoever needs it.
fn unreadable(error: RecordError) -> Unavailable {
    Unavailable::because(error)
}

/// A hash with the fields `record` and `forget-from`, a unix second at a full hour.
fn kept_answer(store: &RedisStore, key: &IdempotencyMac) -> Vec<u8> {
    store.key(&[b"kept-answers:", key.as_bytes()])
}

/// A sorted set: the MACs of kept answers, by the second from which they are forgotten.
fn kept_answers_by_end(store: &RedisStore) -> Vec<u8> {
    store.key(&[b"kept-answers-by-end"])
}
