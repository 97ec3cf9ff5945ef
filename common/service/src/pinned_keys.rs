//! The facts of each token key as a store first saw them: whoever changes a key's dates or value later is refused.

use async_trait::async_trait;
use farthing_api::Base64Url;
use farthing_protocol::{BackupEntry, Day};
use serde::{Deserialize, Serialize};

use crate::backup;
use crate::record::{self, Record, RecordError};
use crate::redis::{RedisStore, Writes};
use crate::unavailable::Unavailable;

/// The question that both services' stores answer about token keys.
#[async_trait]
pub trait PinnedKeys: Send + Sync {
    /// Every key ever pinned.
    async fn pinned(&self) -> Result<Vec<PinnedKey>, Unavailable>;

    /// Pins keys that are not pinned yet, and marks revoked what is revoked in `keys`; a mark is never taken back.
    /// All of them or, at a conflict, none.
    async fn pin(&self, keys: Vec<PinnedKey>) -> Result<PinOutcome, Unavailable>;
}

/// What a store remembers of a token key for ever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PinnedKey {
    /// SHA-256 of the public key.
    pub token_key_id: Base64Url<[u8; 32]>,
    /// The file it was in, without ending, for messages.
    pub name: String,
    /// SHA-256 over every fact that must never change.
    pub digest: Base64Url<[u8; 32]>,
    /// First day on which its tokens are no longer taken.
    pub redeem_until: Day,
    /// How many tokens it is for; 0 where a release before 0.2 pinned it.
    pub capacity: u64,
    /// Whether it was ever seen revoked.
    pub revoked: bool,
}

/// What became of [`PinnedKeys::pin`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PinOutcome {
    /// All are pinned now.
    Pinned,
    /// This key was pinned before with other facts.
    Conflict(PinnedKey),
}

impl Record for PinnedKey {
    const KIND: &'static str = "pinned key";
    const VERSION: u8 = 2;

    fn migrate(version: u8, json: &[u8]) -> Result<Self, RecordError> {
        /// Version 1, which had no capacity.
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct First {
            token_key_id: Base64Url<[u8; 32]>,
            name: String,
            digest: Base64Url<[u8; 32]>,
            redeem_until: Day,
            revoked: bool,
        }

        if version != 1 {
            return Err(RecordError::NoMigration { kind: Self::KIND, version });
        }
        let First { token_key_id, name, digest, redeem_until, revoked } = record::from_json::<Self, _>(json)?;
        Ok(Self { token_key_id, name, digest, redeem_until, capacity: 0, revoked })
    }
}

/// Writes a pinned key of a backup into a store on Redis.
///
/// # Errors
/// The record cannot be read.
pub fn write_to_redis(entry: &BackupEntry, writes: &mut Writes) -> Result<PinnedKey, RecordError> {
    let pinned: PinnedKey = record::decode(&entry.value)?;
    writes.first().field(&[b"pinned-keys"], &entry.key, &entry.value);
    writes.first().field(&[b"pinned-digests"], &entry.key, pinned.digest.0);
    Ok(pinned)
}

/// The pinned keys of a store on Redis, as entries of a backup.
///
/// # Errors
/// The server did not answer.
pub async fn copy_from_redis(store: &RedisStore) -> Result<Vec<BackupEntry>, Unavailable> {
    let pinned = store.read_key(store.key(&[b"pinned-keys"])).await?.into_fields();
    Ok(pinned.into_iter().map(|(id, record)| backup::entry("pinned-keys", id, record)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_without_capacity_is_read() {
        let key = PinnedKey {
            token_key_id: Base64Url([1; 32]),
            name: "EUR-10000.2026-11-21".to_owned(),
            digest: Base64Url([2; 32]),
            redeem_until: Day::from_number(20_000).unwrap(),
            capacity: 0,
            revoked: true,
        };
        let mut json = serde_json::to_value(&key).unwrap();
        json.as_object_mut().unwrap().remove("capacity");
        let first = [b"\x01", serde_json::to_vec(&json).unwrap().as_slice()].concat();
        assert_eq!(record::decode::<PinnedKey>(&first).unwrap(), key);
        assert_eq!(record::decode::<PinnedKey>(&record::encode(&key).unwrap()).unwrap(), key);
    }
}
