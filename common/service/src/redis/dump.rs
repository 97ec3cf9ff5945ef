use std::collections::HashMap;

use ::redis::aio::MultiplexedConnection;
use ::redis::{AsyncCommands, RedisError};
use async_trait::async_trait;

use super::RedisStore;
use crate::dumped_record::{DumpRecords, DumpedRecord};
use crate::unavailable::Unavailable;

/// Keys of one step of the walk.
const STEP: usize = 1_000;

#[async_trait]
impl DumpRecords for RedisStore {
    /// Walks while the service runs: what changes meanwhile may be in it or not.
    async fn dump(&self) -> Result<Vec<DumpedRecord>, Unavailable> {
        let mut records = Vec::new();
        for group in self.groups() {
            let prefix = group.names().prefix().into_bytes();
            let mut cursor = 0_u64;
            loop {
                let (next, keys) = group.scan(cursor, &prefix).await?;
                for key in keys {
                    records.extend(group.dump_key(&key, &prefix).await?);
                }
                cursor = next;
                if cursor == 0 {
                    break;
                }
            }
        }
        records.sort_by(|one, other| (&one.table, &one.key).cmp(&(&other.table, &other.key)));
        // A walk may see a key twice.
        records.dedup();
        Ok(records)
    }
}

impl RedisStore {
    async fn scan(&self, cursor: u64, prefix: &[u8]) -> Result<(u64, Vec<Vec<u8>>), Unavailable> {
        let pattern = [prefix, b"*"].concat();
        let mut command = ::redis::cmd("SCAN");
        command.arg(cursor).arg("MATCH").arg(pattern).arg("COUNT").arg(STEP);
        self.here()?.connection.ask(|mut server| async move { command.query_async(&mut server).await }).await
    }

    async fn dump_key(&self, key: &[u8], prefix: &[u8]) -> Result<Vec<DumpedRecord>, Unavailable> {
        let entries = self.here()?.connection.ask(|server| entries(server, key.to_vec())).await?;
        let name = key.strip_prefix(prefix).unwrap_or(key);
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
