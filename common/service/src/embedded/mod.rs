//! The embedded store: one redb database a service, durable before it answers.
//!
//! Writes go to one thread, which runs every job that waits in one transaction and commits them together: the cost of
//! making a group durable is shared by all of it. Each service puts its own questions on top, one file a trait.

mod dump;
mod export;
mod fault;
mod file;
mod leaving;
mod pinned_keys;
mod rebuild;
mod writer;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use redb::{Database, ReadOnlyTable, ReadTransaction, TableDefinition, TableError, WriteTransaction};

pub use fault::Fault;
pub use file::{CreateError, OpenError};
pub use leaving::{Departure, Rest};
pub use rebuild::Rebuild;

use crate::birth::{Birth, Leaving, ServiceKind};
use crate::environment::Environment;
use crate::store_load::{Operation, StoreLoad};
use crate::unavailable::Unavailable;
use file::Presence;
use writer::Writer;

/// How every table is declared: bytes to bytes, so that tools can walk a store whose records they do not know.
pub type Table = TableDefinition<'static, &'static [u8], &'static [u8]>;

/// A [`Table`] as a read transaction sees it.
pub type OpenTable = ReadOnlyTable<&'static [u8], &'static [u8]>;

/// The table with this name.
pub const fn table(name: &'static str) -> Table {
    TableDefinition::new(name)
}

/// A table as it was when the transaction began; `None` when nothing was ever written to it.
///
/// # Errors
/// The database failed.
pub fn open(transaction: &ReadTransaction, table: Table) -> Result<Option<OpenTable>, Fault> {
    match transaction.open_table(table) {
        Ok(table) => Ok(Some(table)),
        Err(TableError::TableDoesNotExist(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// An open database. Clones share it.
#[derive(Clone)]
pub struct EmbeddedStore {
    shared: Arc<Shared>,
    /// What whoever reads compares the birth record with.
    birth: Arc<Birth>,
    writer: Writer,
    timeout: Duration,
    load: StoreLoad,
}

struct Shared {
    database: Database,
    presence: Presence,
    /// What every write compares the birth record with.
    birth: Birth,
    rest: Rest,
    environment: Environment,
}

impl EmbeddedStore {
    /// Makes a new database at `path` with its birth record, durably; its directory is made if need be.
    ///
    /// # Errors
    /// There is a file already, or it cannot be written.
    pub fn create(path: &Path, birth: &Birth) -> Result<(), CreateError> {
        file::create(path, birth)
    }

    /// Opens the database of `service`; `timeout` is the longest that a question waits for its answer.
    ///
    /// # Errors
    /// There is none, it has no birth record, it is another service's, or another process has it open.
    pub fn open(
        path: &Path,
        service: ServiceKind,
        timeout: Duration,
        environment: Environment,
    ) -> Result<Self, OpenError> {
        let (store, found) = Self::open_to_leave(path, service, timeout, environment)?;
        match found.leaving {
            None => Ok(store),
            Some(Leaving { to, .. }) => Err(OpenError::Moved { path: path.to_owned(), to }),
        }
    }

    /// As [`Self::open`], even if it was moved to another place: then nobody reads or writes it, but a [`Departure`]. And
    /// its birth record, as it is now.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_to_leave(
        path: &Path,
        service: ServiceKind,
        timeout: Duration,
        environment: Environment,
    ) -> Result<(Self, Birth), OpenError> {
        let (database, presence, found) = file::open(path, service)?;
        let birth = found.settled();
        let shared = Shared { database, presence, birth: birth.clone(), rest: Rest::default(), environment };
        let shared = Arc::new(shared);
        let writer = Writer::start(Arc::clone(&shared)).map_err(|error| OpenError::io(path, &error))?;
        let store = Self { shared, birth: Arc::new(birth), writer, timeout, load: StoreLoad::default() };
        Ok((store, found))
    }

    /// The record that `store init` wrote.
    pub fn birth(&self) -> &Birth {
        &self.shared.birth
    }

    /// Whether what is of no use any more stays for now.
    pub fn rest(&self) -> Rest {
        self.shared.rest.clone()
    }

    /// How busy the store is.
    pub const fn load(&self) -> &StoreLoad {
        &self.load
    }

    /// Runs `job` in the next write transaction; when this returns `Ok`, what it wrote is durable.
    ///
    /// Jobs of one group see each other's writes in turn. A job that fails takes its whole group with it, so none is
    /// ever half done; each of them is told [`Unavailable`].
    ///
    /// # Errors
    /// The queue is full, the store failed or timed out. After a time-out the job may still be done later.
    pub async fn write<T, J>(&self, job: J) -> Result<T, Unavailable>
    where
        T: Send + 'static,
        J: FnOnce(&WriteTransaction) -> Result<T, Fault> + Send + 'static,
    {
        let _asking = self.load.ask(Operation::Write);
        let queued = self.load.queue();
        let answer = self.writer.submit(move |transaction: &WriteTransaction| {
            drop(queued);
            job(transaction)
        })?;
        match tokio::time::timeout(self.timeout, answer).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(_)) => Err(Unavailable::because("a write did not become durable")),
            Err(_) => Err(Unavailable::because("a write timed out")),
        }
    }

    /// Runs `job` on the last durable state, on a thread where it may block.
    ///
    /// # Errors
    /// The store failed or timed out.
    pub async fn read<T, J>(&self, job: J) -> Result<T, Unavailable>
    where
        T: Send + 'static,
        J: FnOnce(&ReadTransaction) -> Result<T, Fault> + Send + 'static,
    {
        let _asking = self.load.ask(Operation::Read);
        let (shared, birth) = (Arc::clone(&self.shared), Arc::clone(&self.birth));
        let reading = tokio::task::spawn_blocking(move || shared.read(&birth, job));
        match tokio::time::timeout(self.timeout, reading).await {
            Ok(Ok(result)) => result.map_err(Unavailable::from),
            Ok(Err(_)) => Err(Unavailable::because("a read failed")),
            Err(_) => Err(Unavailable::because("a read timed out")),
        }
    }
}

impl Shared {
    fn read<T>(
        &self,
        birth: &Birth,
        job: impl FnOnce(&ReadTransaction) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        use redb::ReadableDatabase;
        self.presence.check()?;
        let transaction = self.database.begin_read()?;
        file::check_birth(&transaction, birth)?;
        job(&transaction)
    }
}

#[cfg(test)]
mod tests;
