//! The sets of spent tokens as they lie in Redis: divided into buckets small enough for the server's compact encoding,
//! in which a mark costs a third of what it costs in a set of its own.

use farthing_protocol::TokenKeyId;
use farthing_service::redis::{Call, RedisStore, Script};
use farthing_service::redis_script;
use farthing_service::unavailable::Unavailable;

use crate::store::NewSet;

static OPEN: Script = redis_script!("scripts/spent_sets_open.lua");
static LIST: Script = redis_script!("scripts/spent_sets_list.lua");
static REPACK: Script = redis_script!("scripts/spent_set_repack.lua");

/// The form of a set: since version 2 it is divided into buckets.
pub(super) const SET_VERSION: u64 = 2;
/// Most marks that a bucket holds on average when as many tokens were spent as the key has capacity. A bucket is searched
/// from its beginning, so small ones are fast; and four times as many are still far below the 512 up to which a server
/// keeps a hash compact: docs/redis-keys.md has the arithmetic.
const MARKS_IN_A_BUCKET: u64 = 32;
/// Buckets are told by the first three bytes of a mark.
const MOST_BUCKET_BITS: u32 = 24;
/// What is assumed of sets that an earlier release opened, without capacity: the default.
const UNKNOWN_CAPACITY: u64 = 10_000_000;
/// Marks that are repacked at once.
const REPACKED_AT_ONCE: u64 = 1_000;

/// A set: the ids of all keys that ever had a spent set.
pub(super) fn spent_sets(store: &RedisStore) -> Vec<u8> {
    store.key(&[b"spent-sets"])
}

/// A hash with the fields `version`, `redeem-until` (a day's number), `closed` (1 or 0), `marks` (their count), `ordinal`
/// and `bucket-bits`, `witness` (the first mark), and, once the set is closed, `dropped` (buckets).
pub(super) fn spent_set(store: &RedisStore, key: &TokenKeyId) -> Vec<u8> {
    store.key(&[b"spent-set:", key.as_bytes()])
}

/// A number: how many ordinals were given to sets.
fn last_ordinal(store: &RedisStore) -> Vec<u8> {
    store.key(&[b"spent-set-ordinal"])
}

/// What the names of all buckets begin with; the set's ordinal, a colon and the bucket's number follow. A bucket is a
/// hash whose fields are the last 15 bytes of marks, without values.
pub(super) fn buckets(store: &RedisStore) -> Vec<u8> {
    store.key(&[b"marks:"])
}

/// The set of marks that a release before 0.2 filled.
fn unpacked_marks(store: &RedisStore, key: &TokenKeyId) -> Vec<u8> {
    store.key(&[b"spent-marks:", key.as_bytes()])
}

/// How many of a mark's first bits tell its bucket.
const fn bucket_bits(capacity: u64) -> u32 {
    let mut bits = 0;
    while bits < MOST_BUCKET_BITS && (capacity >> bits) > MARKS_IN_A_BUCKET {
        bits += 1;
    }
    bits
}

/// As [`bucket_bits`], of a key that a backup names, in one of so many groups; its capacity is 0 where it is not known.
pub(super) const fn bucket_bits_of(capacity: u64, groups: u64) -> u32 {
    bucket_bits(if capacity == 0 { UNKNOWN_CAPACITY } else { capacity } / groups)
}

/// Opens the sets of keys that never had one, in each group.
pub(super) async fn open(store: &RedisStore, sets: Vec<NewSet>) -> Result<(), Unavailable> {
    let groups = store.groups().len() as u64;
    for group in store.groups() {
        let mut call = Call::new().key(spent_sets(&group)).key(last_ordinal(&group)).number(SET_VERSION);
        for NewSet { key, redeem_until, capacity } in &sets {
            call = call
                .key(spent_set(&group, key))
                .arg(key.to_bytes())
                .number(redeem_until.number().into())
                .number(bucket_bits(capacity / groups).into());
        }
        group.write::<()>(&OPEN, call).await?;
    }
    Ok(())
}

/// Divides the sets of an earlier release into buckets. Until that is done they are refused.
///
/// # Errors
/// The server does not answer, or a set is not whole.
pub async fn repack(store: &RedisStore) -> Result<(), Unavailable> {
    let call = Call::new().key(spent_sets(store)).arg(store.key(&[b"spent-set:"])).number(SET_VERSION);
    let old: Vec<Vec<u8>> = store.run(&LIST, call).await?;
    for id in old {
        let id = TokenKeyId::from_bytes(id.as_slice().try_into().map_err(Unavailable::because)?);
        tracing::info!(key = %id, "repacking the spent set of a token key");
        loop {
            let call = Call::new()
                .key(spent_set(store, &id))
                .key(unpacked_marks(store, &id))
                .key(last_ordinal(store))
                .number(SET_VERSION)
                .arg(buckets(store))
                .number(bucket_bits(UNKNOWN_CAPACITY).into())
                .number(REPACKED_AT_ONCE);
            match store.write::<String>(&REPACK, call).await?.as_str() {
                "more" => {}
                "done" => break,
                _ => return Err(Unavailable::because("the spent set of a token key is incomplete")),
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_sized_by_the_capacity() {
        for (capacity, bits) in [(0, 0), (32, 0), (64, 1), (1_000_000, 15), (10_000_000, 19), (u64::MAX, 24)]
        {
            assert_eq!(bucket_bits(capacity), bits, "{capacity}");
        }
        for capacity in [1_000, 1_000_000, 10_000_000, 500_000_000] {
            let in_a_bucket = capacity >> bucket_bits(capacity);
            assert!((MARKS_IN_A_BUCKET / 2..=MARKS_IN_A_BUCKET).contains(&in_a_bucket), "{capacity}");
        }
    }
}
