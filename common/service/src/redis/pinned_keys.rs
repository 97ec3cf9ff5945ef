use async_trait::async_trait;

use super::{Call, RedisStore, Script};
use crate::pinned_keys::{PinOutcome, PinnedKey, PinnedKeys};
use crate::unavailable::Unavailable;
use crate::{record, redis_script};

static READ: Script = redis_script!("scripts/pinned_keys_read.lua");
static PIN: Script = redis_script!("scripts/pinned_keys_pin.lua");

/// Why a pinned key could not be read or written.
fn unreadable(error: record::RecordError) -> Unavailable {
    Unavailable::because(error)
}

impl RedisStore {
    fn pinned_keys(&self) -> Vec<u8> {
        self.key(&[b"pinned-keys"])
    }

    fn pinned_digests(&self) -> Vec<u8> {
        self.key(&[b"pinned-digests"])
    }
}

#[async_trait]
impl PinnedKeys for RedisStore {
    async fn pinned(&self) -> Result<Vec<PinnedKey>, Unavailable> {
        let records: Vec<Vec<u8>> = self.run(&READ, Call::new().key(self.pinned_keys())).await?;
        let mut keys =
            records.iter().map(|bytes| record::decode(bytes)).collect::<Result<Vec<PinnedKey>, _>>();
        if let Ok(keys) = &mut keys {
            keys.sort_by_key(|key| key.token_key_id.0);
        }
        keys.map_err(unreadable)
    }

    async fn pin(&self, keys: Vec<PinnedKey>) -> Result<PinOutcome, Unavailable> {
        let mut call = Call::new().key(self.pinned_keys()).key(self.pinned_digests());
        for key in keys {
            // The record of a key that is pinned already is replaced only by one that adds the revocation.
            let bytes = record::encode(&key).map_err(unreadable)?;
            let revoked: &[u8] = if key.revoked { b"1" } else { b"0" };
            call = call.arg(key.token_key_id.0).arg(key.digest.0).arg(revoked).arg(bytes);
        }
        let conflict: Option<Vec<u8>> = self.write(&PIN, call).await?;
        match conflict {
            None => Ok(PinOutcome::Pinned),
            Some(bytes) => Ok(PinOutcome::Conflict(record::decode(&bytes).map_err(unreadable)?)),
        }
    }
}
