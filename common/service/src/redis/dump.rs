use std::collections::HashMap;

use ::redis::aio::MultiplexedConnection;
use ::redis::{AsyncCommands, RedisError};
use async_trait::async_trait;

use super::{RedisStore, Walk};
use crate::dumped_record::{DumpRecords, DumpedRecord};
use crate::unavailable::Unavailable;

#[async_trait]
impl DumpRecords for RedisStore {
    /// Walks while the service runs: what changes meanwhile may be in it or not.
    async fn dump(&self) -> Result<Vec<DumpedRecord>, Unavailable> {
        let mut records = Vec::new();
        let store = self.steadily();
        for group in store.groups() {
            let mut walk = Walk::default();
            while let Some(names) = group.scan_keys(&mut walk, b"").await? {
                for name in names {
                    records.extend(group.dump_key(&name).await?);
                }
            }
        }
        store.check_followed().await?;
        records.sort_by(|one, other| (&one.table, &one.key).cmp(&(&other.table, &other.key)));
        // A walk may see a key twice.
        records.dedup();
        Ok(records)
    }
}

impl RedisStore {
    async fn dump_key(&self, name: &[u8]) -> Result<Vec<DumpedRecord>, Unavailable> {
        let key = self.key(&[name]);
        let entries = self.here()?.connection.ask(|server| entries(server, key)).await?;
        let (table, rest) = match name.iter().position(|byte| *byte == b':') {
            Some(colon) => (&name[..colon], &name[colon + 1..]),
            None => (name, &[][..]),
        };
        let table = String::from_utf8_lossy(table);
        Ok(entries
            .into_iter()
            .map(|(field, value)| DumpedRecord::of(&table, &[rest, &field].concat(), &value))
            .collect())
    }
}

/// The entries of a key of whichever type we use: a string is one entry, a set's members have no value.
async fn entries(
    mut server: MultiplexedConnection,
    key: Vec<u8>,
) -> Result<Vec<(Vec<u8>, Vec<u8>)>, RedisError> {
    let kind: String = ::redis::cmd("TYPE").arg(&key).query_async(&mut server).await?;
    Ok(match kind.as_str() {
        "hash" => server.hgetall::<_, HashMap<_, _>>(&key).await?.into_iter().collect(),
        "set" => {
            server.smembers::<_, Vec<_>>(&key).await?.into_iter().map(|member| (member, Vec::new())).collect()
        }
        "string" => vec![(Vec::new(), server.get(&key).await?)],
        _ => Vec::new(),
    })
}
