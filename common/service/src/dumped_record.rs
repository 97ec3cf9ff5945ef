//! Stores made readable: every record as an operator or an auditor sees it.

use async_trait::async_trait;
use data_encoding::HEXLOWER;
use serde::Serialize;
use serde_json::Value;

use crate::unavailable::Unavailable;

/// One record.
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

impl DumpedRecord {
    pub(crate) fn of(table: &str, key: &[u8], value: &[u8]) -> Self {
        let versioned = value
            .split_first()
            .and_then(|(version, json)| Some((*version, serde_json::from_slice(json).ok()?)));
        let (version, record) = match versioned {
            Some((version, record @ Value::Object(_))) => (Some(version), record),
            _ => (None, Value::String(HEXLOWER.encode(value))),
        };
        Self { table: table.to_owned(), key: HEXLOWER.encode(key), version, record }
    }
}

/// A store that can show all it holds.
#[async_trait]
pub trait DumpRecords: Send + Sync {
    /// Everything that is in the store, and so all that the service knows, in the order of tables and keys.
    async fn dump(&self) -> Result<Vec<DumpedRecord>, Unavailable>;
}
