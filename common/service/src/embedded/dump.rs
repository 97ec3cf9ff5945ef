use data_encoding::HEXLOWER;
use redb::{ReadableTable, TableHandle};
use serde::Serialize;
use serde_json::Value;

use super::EmbeddedStore;
use crate::unavailable::Unavailable;

/// One record as an operator or an auditor reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DumpedRecord {
    /// The table it is in.
    pub table: String,
    /// Its key in hexadecimal.
    pub key: String,
    /// Its version, where it is a versioned record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u8>,
    /// The record as JSON, or its bytes in hexadecimal.
    pub record: Value,
}

impl EmbeddedStore {
    /// Everything that is in the store: what `store dump` shows, and so all that the service knows.
    ///
    /// # Errors
    /// The store failed or timed out.
    pub async fn dump(&self) -> Result<Vec<DumpedRecord>, Unavailable> {
        self.read(|transaction| {
            let mut records = Vec::new();
            for handle in transaction.list_tables()? {
                let definition = redb::TableDefinition::new(handle.name());
                let table = transaction.open_table::<&[u8], &[u8]>(definition)?;
                for entry in table.iter()? {
                    let (key, value) = entry?;
                    records.push(dumped(handle.name(), key.value(), value.value()));
                }
            }
            Ok(records)
        })
        .await
    }
}

fn dumped(table: &str, key: &[u8], value: &[u8]) -> DumpedRecord {
    let versioned =
        value.split_first().and_then(|(version, json)| Some((*version, serde_json::from_slice(json).ok()?)));
    let (version, record) = match versioned {
        Some((version, record)) => (Some(version), record),
        None => (None, Value::String(HEXLOWER.encode(value))),
    };
    DumpedRecord { table: table.to_owned(), key: HEXLOWER.encode(key), version, record }
}
