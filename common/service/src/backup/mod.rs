//! Backups of stores: one file for both kinds of store, so that it is also the way from one kind to the other.
//!
//! A backup holds records in the form that the embedded store gives them, whatever kind they come from. What follows
//! from other records (indexes, counts of them) is left out, and made anew by whoever restores. Each service has its
//! own side of it in `store/backup.rs` and beside its backends; docs/adr/0013-store-backups.md says how a copy of a
//! busy Redis is made one that adds up.

pub mod arguments;
mod copies;
mod reader;
mod sink;
mod writer;

use std::collections::BTreeSet;

use farthing_protocol::BackupEntry;
use serde::{Deserialize, Serialize};

pub use copies::{Books, Copies, back_up, check};
pub use reader::{BackupFile, ReadError};
pub use sink::{Sink, Source, channel};
pub use writer::{WriteError, write};

use crate::birth::Birth;
use crate::record::{self, Record, RecordError};

/// The table of a backup's first entry, which has no key: the [`Origin`].
const ORIGIN: &str = "backup";

/// What a backup is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Origin {
    /// The birth record of the store.
    pub birth: Birth,
    /// Unix seconds at which the backup was begun.
    pub taken: u64,
}

impl Record for Origin {
    const KIND: &'static str = "backup";
    const VERSION: u8 = 2;

    /// The first had earlier birth records, which are read as they are.
    fn migrate(version: u8, json: &[u8]) -> Result<Self, RecordError> {
        match version {
            1 => record::from_json::<Self, _>(json),
            _ => Err(RecordError::NoMigration { kind: Self::KIND, version }),
        }
    }
}

/// How much of a store is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// The records from which everything else follows: a backup.
    Records,
    /// Everything, to compare it: a check.
    Everything,
}

/// An entry of a table.
pub fn entry(table: &str, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) -> BackupEntry {
    BackupEntry { table: table.to_owned(), key: key.into(), value: value.into() }
}

/// What a check has found wrong, a line each. They say what and where and never how many, so that the findings of two
/// walks through a store in use can be compared.
pub type Findings = BTreeSet<String>;

/// How often a store on Redis is walked through before something counts as a finding.
pub const WALKS_IN_USE: usize = 4;
