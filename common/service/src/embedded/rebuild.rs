//! Embedded stores made from a backup.

use std::path::Path;

use farthing_protocol::BackupEntry;
use redb::{Database, TableDefinition};

use super::file::{self, CreateError};
use super::{EmbeddedStore, Fault};
use crate::backup::{BackupFile, ReadError};
use crate::birth::Birth;

/// Entries of one transaction.
const GROUP: usize = 20_000;

/// What a service's embedded store makes of the records of a backup.
pub trait Rebuild {
    /// What a record becomes: itself, and what follows from it.
    ///
    /// # Errors
    /// It cannot be read, or has no place in this kind of store.
    fn entries(&mut self, entry: BackupEntry) -> Result<Vec<BackupEntry>, Fault>;

    /// What follows from all of them.
    ///
    /// # Errors
    /// They do not fit together.
    fn last_entries(&mut self) -> Result<Vec<BackupEntry>, Fault>;
}

impl From<ReadError> for Fault {
    fn from(error: ReadError) -> Self {
        Self::because(error)
    }
}

impl EmbeddedStore {
    /// Makes a new database at `path` from a backup, durably, or none.
    ///
    /// # Errors
    /// There is a file already, it cannot be written, or the backup does not fit.
    pub fn restore(
        path: &Path,
        birth: &Birth,
        backup: &BackupFile,
        rebuild: &mut dyn Rebuild,
    ) -> Result<(), CreateError> {
        file::create_with(path, birth, |database| {
            let mut group = Vec::with_capacity(GROUP);
            backup.each(|entry| {
                group.extend(rebuild.entries(entry)?);
                if group.len() >= GROUP { write(database, &mut group) } else { Ok(()) }
            })?;
            group.extend(rebuild.last_entries()?);
            write(database, &mut group)
        })
    }
}

fn write(database: &Database, group: &mut Vec<BackupEntry>) -> Result<(), Fault> {
    let transaction = database.begin_write()?;
    for BackupEntry { table, key, value } in group.drain(..) {
        let mut table = transaction.open_table::<&[u8], &[u8]>(TableDefinition::new(&table))?;
        table.insert(key.as_slice(), value.as_slice())?;
    }
    transaction.commit()?;
    Ok(())
}
