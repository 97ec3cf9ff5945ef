//! The redeemer's questions, answered by Redis.

mod ledger;
mod leftovers;
mod publishers;
mod redeemed_totals;
mod spent_tokens;

#[cfg(test)]
mod tests;

use farthing_protocol::TokenKeyId;
use farthing_service::record::RecordError;
use farthing_service::redis::RedisStore;
use farthing_service::unavailable::Unavailable;

use crate::redemption::IdempotencyMac;

/// The version of the hashes that scripts count in; a script refuses a newer one.
const VERSION: u64 = 1;

/// A record that cannot be read or written makes the store unavailable to whoever needs it.
fn unreadable(error: RecordError) -> Unavailable {
    Unavailable::because(error)
}

/// A set: the ids of all keys that ever had a spent set.
fn spent_sets(store: &RedisStore) -> Vec<u8> {
    store.key(&[b"spent-sets"])
}

/// A hash with the fields `version`, `redeem-until` (a day's number), `closed` (1 or 0) and `marks`, their count.
fn spent_set(store: &RedisStore, key: &TokenKeyId) -> Vec<u8> {
    store.key(&[b"spent-set:", key.as_bytes()])
}

/// A set: the marks of a key's spent tokens, 16 bytes each.
fn spent_marks(store: &RedisStore, key: &TokenKeyId) -> Vec<u8> {
    store.key(&[b"spent-marks:", key.as_bytes()])
}

/// A hash with the fields `record` and `forget-from`, a unix second at a full hour.
fn kept_answer(store: &RedisStore, key: &IdempotencyMac) -> Vec<u8> {
    store.key(&[b"kept-answers:", key.as_bytes()])
}

/// A sorted set: the MACs of kept answers, by the second from which they are forgotten.
fn kept_answers_by_end(store: &RedisStore) -> Vec<u8> {
    store.key(&[b"kept-answers-by-end"])
}
