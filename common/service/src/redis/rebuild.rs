//! Stores on Redis made from a backup. The birth record is the last that is written, so that there is never half a store
//! that passes for a whole one.

use std::time::Duration;

use ::redis::aio::MultiplexedConnection;
use ::redis::{Pipeline, RedisError};
use farthing_protocol::BackupEntry;
use tokio::sync::mpsc;

use super::group::{self, Names};
use super::{Address, Deployment, OpenError, RedisStore, connection};
use crate::backup::{BackupFile, ReadError};
use crate::birth::Birth;
use crate::record;

/// Commands of one round trip.
const GROUP: usize = 1_000;
/// The longest wait for one group: nobody is being served.
const PATIENCE: Duration = Duration::from_mins(1);
/// There while a restore is under way.
const RESTORING: &[u8] = b"restoring";

/// What a service's store on Redis makes of the records of a backup.
pub trait Rebuild {
    /// Writes a record and what follows from it.
    ///
    /// # Errors
    /// It cannot be read, or has no place in this kind of store; in words.
    fn write(&mut self, entry: BackupEntry, writes: &mut Writes) -> Result<(), String>;

    /// Writes what follows from all of them.
    ///
    /// # Errors
    /// They do not fit together; in words.
    fn write_last(&mut self, writes: &mut Writes) -> Result<(), String>;
}

/// Writes that go to the server together.
pub struct Writes {
    names: Names,
    pipeline: Pipeline,
}

impl Writes {
    /// Sets a string.
    pub fn string(&mut self, key: &[&[u8]], value: impl AsRef<[u8]>) {
        self.pipeline.cmd("SET").arg(self.names.key(key)).arg(value.as_ref()).ignore();
    }

    /// Sets a field of a hash.
    pub fn field(&mut self, key: &[&[u8]], field: impl AsRef<[u8]>, value: impl AsRef<[u8]>) {
        let key = self.names.key(key);
        self.pipeline.cmd("HSET").arg(key).arg(field.as_ref()).arg(value.as_ref()).ignore();
    }

    /// Adds a member to a set.
    pub fn member(&mut self, key: &[&[u8]], member: impl AsRef<[u8]>) {
        self.pipeline.cmd("SADD").arg(self.names.key(key)).arg(member.as_ref()).ignore();
    }

    /// Adds a member to a sorted set.
    pub fn scored(&mut self, key: &[&[u8]], member: impl AsRef<[u8]>, score: u64) {
        self.pipeline.cmd("ZADD").arg(self.names.key(key)).arg(score).arg(member.as_ref()).ignore();
    }
}

/// Refuses a server into which a restore did not end.
pub(super) async fn check_no_half_store(
    server: &mut MultiplexedConnection,
    names: Names,
    address: &Address,
) -> Result<(), OpenError> {
    let exists: bool = ::redis::cmd("EXISTS")
        .arg(names.key(&[RESTORING]))
        .query_async(server)
        .await
        .map_err(|error| OpenError::unreachable(address, &error))?;
    if exists { Err(OpenError::HalfRestored(address.describe())) } else { Ok(()) }
}

impl RedisStore {
    /// Makes a store from a backup on a server that has none, and at last writes its birth record.
    ///
    /// # Errors
    /// The server has a store or part of one, is not fit for money, or the backup does not fit.
    pub async fn restore(
        deployment: &Deployment,
        birth: &Birth,
        timeout: Duration,
        backup: BackupFile,
        rebuild: Box<dyn Rebuild + Send>,
    ) -> Result<(), OpenError> {
        if birth.groups > 1 {
            let cause =
                "it is of a store that is divided into groups of keys, which this release does not restore";
            return Err(OpenError::Backup(cause.to_owned()));
        }
        let names = Names::new(birth.service, 0);
        let connection::Reached { mut link, address } =
            connection::reach(deployment, &names.birth(), timeout.max(PATIENCE)).await?;
        let server = &mut link.server;
        let failed = |error: RedisError| OpenError::unreachable(&address, &error);
        check_no_half_store(server, names, &address).await?;
        let exists: bool =
            ::redis::cmd("EXISTS").arg(names.birth()).query_async(server).await.map_err(failed)?;
        if exists {
            return Err(OpenError::Exists(address.describe()));
        }
        let begun: bool = ::redis::cmd("SETNX")
            .arg(names.key(&[RESTORING]))
            .arg("")
            .query_async(server)
            .await
            .map_err(failed)?;
        if !begun {
            return Err(OpenError::HalfRestored(address.describe()));
        }
        let (sender, mut groups) = mpsc::channel(2);
        let reading = tokio::task::spawn_blocking(move || read(&backup, rebuild, names, &sender));
        while let Some(group) = groups.recv().await {
            Pipeline::exec_async(&group, server).await.map_err(failed)?;
        }
        reading.await.map_err(|error| OpenError::failed(&address, &error))??;
        let bytes = record::encode(birth).map_err(|error| OpenError::failed(&address, &error))?;
        ::redis::pipe()
            .atomic()
            .cmd("SET")
            .arg(names.birth())
            .arg(bytes)
            .ignore()
            .cmd("DEL")
            .arg(names.key(&[RESTORING]))
            .ignore()
            .exec_async(server)
            .await
            .map_err(failed)?;
        group::confirm(&mut link, &address, timeout).await
    }
}

impl From<ReadError> for OpenError {
    fn from(error: ReadError) -> Self {
        Self::Backup(error.to_string())
    }
}

/// Turns a backup into groups of writes. Blocks.
fn read(
    backup: &BackupFile,
    mut rebuild: Box<dyn Rebuild + Send>,
    names: Names,
    groups: &mpsc::Sender<Pipeline>,
) -> Result<(), OpenError> {
    let unfit = |cause| OpenError::Backup(format!("the backup cannot be restored into Redis: {cause}"));
    // Where nobody takes a group, the server has failed, and that is what is told.
    let send = |writes: &mut Writes| drop(groups.blocking_send(std::mem::take(&mut writes.pipeline)));
    let mut writes = Writes { names, pipeline: Pipeline::new() };
    backup.each(|entry| {
        rebuild.write(entry, &mut writes).map_err(unfit)?;
        if writes.pipeline.len() >= GROUP {
            send(&mut writes);
        }
        Ok::<_, OpenError>(())
    })?;
    rebuild.write_last(&mut writes).map_err(unfit)?;
    if !writes.pipeline.is_empty() {
        send(&mut writes);
    }
    Ok(())
}
