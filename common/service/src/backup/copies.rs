use std::convert::Infallible;
use std::path::Path;

use anyhow::Context;
use async_trait::async_trait;
use farthing_protocol::BackupEntry;

use super::{Extent, Findings, Origin, Sink, WriteError, channel, write};
use crate::birth::Birth;
use crate::unavailable::Unavailable;

/// A service's store as a whole.
#[async_trait]
pub trait Copies: Send + Sync {
    /// Sends everything that is in the store, as of one moment as far as money is concerned, and says what only this kind
    /// of store can find wrong. `now` is unix seconds.
    async fn copy(&self, extent: Extent, now: u64, sink: Sink) -> Result<Findings, Unavailable>;

    /// How often a finding must be met to be one: more than once where the store changes during a walk.
    fn walks(&self) -> usize;

    /// Puts another birth record in the place of the one that was opened.
    async fn replace_birth(&self, birth: Birth) -> Result<(), Unavailable>;
}

/// What a service's records must add up to.
pub trait Books: Default + Send + 'static {
    /// Takes note of an entry.
    fn add(&mut self, entry: BackupEntry);

    /// What does not add up.
    fn findings(self) -> Findings;
}

/// Writes a backup of a store into a new file; how many records it has.
///
/// # Errors
/// The file exists or cannot be written, or the store did not yield everything. Then there is no new file.
pub async fn back_up(
    copies: &dyn Copies,
    birth: &Birth,
    output: &Path,
    recipient: Option<String>,
    now: u64,
) -> anyhow::Result<u64> {
    let (sink, source) = channel();
    let (path, origin) = (output.to_owned(), Origin { birth: birth.clone(), taken: now });
    let writing = tokio::task::spawn_blocking(move || write(&path, recipient.as_deref(), &origin, source));
    let (copied, written) = tokio::join!(copies.copy(Extent::Records, now, sink), writing);
    match written.context("a backup stopped")? {
        // Of a copy that broke off only the store knows why.
        Err(WriteError::Broken) => Err(copied.map_or_else(Into::into, |_| WriteError::Broken.into())),
        written => Ok(written?),
    }
}

/// Compares what is in a store with itself; a line for each thing that does not add up.
///
/// # Errors
/// The store did not yield everything.
pub async fn check<B: Books>(copies: &dyn Copies, now: u64) -> anyhow::Result<Findings> {
    let mut lasting = walk::<B>(copies, now).await?;
    // A store in use moves while it is walked through. What is wrong stays wrong, what merely moved does not.
    for _ in 1..copies.walks() {
        if lasting.is_empty() {
            break;
        }
        let again = walk::<B>(copies, now).await?;
        lasting.retain(|finding| again.contains(finding));
    }
    Ok(lasting)
}

async fn walk<B: Books>(copies: &dyn Copies, now: u64) -> anyhow::Result<Findings> {
    let (sink, source) = channel();
    let adding = tokio::task::spawn_blocking(move || {
        let mut books = B::default();
        let Ok(_) = source.drain(|entry| {
            books.add(entry);
            Ok::<_, Infallible>(())
        });
        books.findings()
    });
    let (own, added) = tokio::join!(copies.copy(Extent::Everything, now, sink), adding);
    let mut findings = own?;
    findings.extend(added.context("a check stopped")?);
    Ok(findings)
}
