//! Stores on Redis made from a backup.
//!
//! The birth record of the first group is the last that is written, so that there is never half a store that passes for a
//! whole one: without it nothing is opened, and when it is there all groups are whole, and their replicas have them.

use std::fmt;
use std::time::Duration;

use ::redis::Pipeline;
use farthing_protocol::BackupEntry;
use tokio::sync::mpsc;

use super::{Deployment, NewStore, OpenError, RedisStore, Writes};
use crate::backup::{BackupFile, ReadError};
use crate::birth::Birth;
use crate::environment::Environment;

/// Commands of one round trip.
const TOGETHER: usize = 1_000;
/// The longest wait for one round trip: nobody is being served.
const PATIENCE: Duration = Duration::from_mins(1);

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
        environment: Environment,
    ) -> Result<(), OpenError> {
        let failed = |cause: &dyn fmt::Display| OpenError::Failed {
            url: deployment.topology.describe(),
            cause: cause.to_string(),
        };
        let new = NewStore::begin_empty(deployment, birth, timeout.max(PATIENCE), environment).await?;
        let writes = new.writes();
        let (sender, mut round_trips) = mpsc::channel(2);
        let reading = tokio::task::spawn_blocking(move || read(&backup, rebuild, writes, &sender));
        while let Some(round_trip) = round_trips.recv().await {
            new.apply(round_trip).await.map_err(|cause| failed(&cause))?;
        }
        reading.await.map_err(|error| failed(&error))??;
        new.complete().await.map_err(|cause| {
            let words =
                format!("whether all of it is there is not known; `store check` tells if it is ({cause})");
            failed(&words)
        })
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
