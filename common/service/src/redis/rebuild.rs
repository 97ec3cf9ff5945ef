//! Stores on Redis made from a backup.
//!
//! The birth record of the first group is the last that is written, so that there is never half a store that passes for a
//! whole one: without it nothing is opened, and when it is there all groups are whole, and their replicas have them.

use std::fmt;
use std::time::Duration;

use ::redis::aio::MultiplexedConnection;
use ::redis::{Pipeline, RedisError};
use farthing_protocol::BackupEntry;
use tokio::sync::mpsc;

use super::connection::{Link, Reached, reach};
use super::group::{self, Names};
use super::{Address, Deployment, OpenError, RedisStore, Writes};
use crate::backup::{BackupFile, ReadError};
use crate::birth::Birth;
use crate::record;

/// Commands of one round trip.
const TOGETHER: usize = 1_000;
/// The longest wait for one round trip: nobody is being served.
const PATIENCE: Duration = Duration::from_mins(1);
/// There while a restore is under way.
pub(super) const RESTORING: &[u8] = b"restoring";

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

/// Refuses a server into which a restore did not end.
pub(super) async fn check_no_half_store(
    server: &mut MultiplexedConnection,
    names: Names,
    address: &Address,
) -> Result<(), OpenError> {
    let found: Option<Vec<u8>> = ::redis::cmd("GET")
        .arg(names.key(&[RESTORING]))
        .query_async(server)
        .await
        .map_err(|error| OpenError::unreachable(address, &error))?;
    match found {
        None => Ok(()),
        Some(marker) if marker.is_empty() => Err(OpenError::HalfRestored(address.describe())),
        Some(_) => Err(OpenError::HalfMoved(address.describe())),
    }
}

impl RedisStore {
    /// Makes a store from a backup on servers that have none, divided as its birth record says, which comes last.
    ///
    /// # Errors
    /// The servers have a store or part of one, are not fit for money, or the backup does not fit.
    pub async fn restore(
        deployment: &Deployment,
        birth: &Birth,
        timeout: Duration,
        backup: BackupFile,
        rebuild: Box<dyn Rebuild + Send>,
    ) -> Result<(), OpenError> {
        let mut sites = begin(deployment, birth, timeout).await?;
        let writes = Writes::new(birth.service, birth.groups);
        let (sender, mut round_trips) = mpsc::channel(2);
        let reading = tokio::task::spawn_blocking(move || read(&backup, rebuild, writes, &sender));
        while let Some((group, pipeline)) = round_trips.recv().await {
            if let Some(site) = sites.get_mut(group) {
                site.write(&pipeline).await?;
            }
        }
        let failed = |cause: &dyn fmt::Display| OpenError::Failed {
            url: deployment.topology.describe(),
            cause: cause.to_string(),
        };
        reading.await.map_err(|error| failed(&error))??;
        let bytes = record::encode(birth).map_err(|error| failed(&error))?;
        for site in sites.iter_mut().rev() {
            site.complete(&bytes, timeout).await?;
        }
        Ok(())
    }
}

/// Where a group of the new store is being made.
struct Site {
    names: Names,
    link: Link,
    address: Address,
}

/// Finds a site for each group, and marks them so that nobody else takes them. Whoever marks the first has them all.
async fn begin(deployment: &Deployment, birth: &Birth, timeout: Duration) -> Result<Vec<Site>, OpenError> {
    let mut sites = Vec::new();
    for group in 0..birth.groups.max(1) {
        let names = Names::new(birth.service, group);
        let Reached { link, address } = reach(deployment, &names.birth(), timeout.max(PATIENCE)).await?;
        let mut site = Site { names, link, address };
        check_no_half_store(&mut site.link.server, names, &site.address).await?;
        if site.ask::<bool>(::redis::cmd("EXISTS").arg(names.birth())).await? {
            let of_first = group == 0;
            let place = site.address.describe();
            return Err(if of_first { OpenError::Exists(place) } else { OpenError::Remainder(place) });
        }
        sites.push(site);
    }
    for site in &mut sites {
        let begun: bool = site.ask(::redis::cmd("SETNX").arg(site.names.key(&[RESTORING])).arg("")).await?;
        if !begun {
            return Err(OpenError::HalfRestored(site.address.describe()));
        }
    }
    Ok(sites)
}

impl Site {
    async fn ask<T: ::redis::FromRedisValue>(&mut self, command: &::redis::Cmd) -> Result<T, OpenError> {
        let failed = |error: RedisError| OpenError::unreachable(&self.address, &error);
        command.query_async(&mut self.link.server).await.map_err(failed)
    }

    async fn write(&mut self, pipeline: &Pipeline) -> Result<(), OpenError> {
        let failed = |error: RedisError| OpenError::unreachable(&self.address, &error);
        pipeline.exec_async(&mut self.link.server).await.map_err(failed)
    }

    /// Writes the birth record; the replicas have it, and all that came before it.
    async fn complete(&mut self, birth: &[u8], timeout: Duration) -> Result<(), OpenError> {
        let mut pipeline = ::redis::pipe();
        pipeline.atomic();
        pipeline.cmd("SET").arg(self.names.birth()).arg(birth).ignore();
        pipeline.cmd("DEL").arg(self.names.key(&[RESTORING])).ignore();
        self.write(&pipeline).await?;
        group::confirm(&mut self.link, &self.address, timeout).await
    }
}

impl From<ReadError> for OpenError {
    fn from(error: ReadError) -> Self {
        Self::Backup(error.to_string())
    }
}

/// Turns a backup into round trips to the groups. Blocks.
fn read(
    backup: &BackupFile,
    mut rebuild: Box<dyn Rebuild + Send>,
    mut writes: Writes,
    round_trips: &mpsc::Sender<(usize, Pipeline)>,
) -> Result<(), OpenError> {
    let unfit = |cause| OpenError::Backup(format!("the backup cannot be restored into Redis: {cause}"));
    // Where nobody takes them, a server has failed, and that is what is told.
    let send = |writes: &mut Writes, least| {
        writes.take(least).for_each(|round_trip| drop(round_trips.blocking_send(round_trip)));
    };
    backup.each(|entry| {
        rebuild.write(entry, &mut writes).map_err(unfit)?;
        send(&mut writes, TOGETHER);
        Ok::<_, OpenError>(())
    })?;
    rebuild.write_last(&mut writes).map_err(unfit)?;
    send(&mut writes, 1);
    Ok(())
}

#[cfg(test)]
mod tests;
