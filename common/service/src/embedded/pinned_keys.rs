use async_trait::async_trait;
use redb::ReadableTable;

use super::{EmbeddedStore, Table, open, table};
use crate::pinned_keys::{PinOutcome, PinnedKey, PinnedKeys};
use crate::record;
use crate::unavailable::Unavailable;

/// Token key id, 32 bytes: pinned key.
const PINNED_KEYS: Table = table("pinned-keys");

#[async_trait]
impl PinnedKeys for EmbeddedStore {
    async fn pinned(&self) -> Result<Vec<PinnedKey>, Unavailable> {
        self.read(|transaction| {
            let Some(table) = open(transaction, PINNED_KEYS)? else { return Ok(Vec::new()) };
            table.iter()?.map(|entry| Ok(record::decode(entry?.1.value())?)).collect()
        })
        .await
    }

    async fn pin(&self, keys: Vec<PinnedKey>) -> Result<PinOutcome, Unavailable> {
        self.write(move |transaction| {
            let mut table = transaction.open_table(PINNED_KEYS)?;
            let mut changed = Vec::new();
            for key in keys {
                let known: Option<PinnedKey> = table
                    .get(key.token_key_id.0.as_slice())?
                    .map(|bytes| record::decode(bytes.value()))
                    .transpose()?;
                match known {
                    Some(known) if known.digest != key.digest => return Ok(PinOutcome::Conflict(known)),
                    Some(known) if known.revoked || !key.revoked => {}
                    Some(known) => changed.push(PinnedKey { revoked: true, ..known }),
                    None => changed.push(key),
                }
            }
            for key in changed {
                table.insert(key.token_key_id.0.as_slice(), record::encode(&key)?.as_slice())?;
            }
            Ok(PinOutcome::Pinned)
        })
        .await
    }
}
