//! The redeemer's receipts, kept in a directory, so that the publisher can prove what it is owed.
//!
//! A receipt is durable before the page is served. If it cannot be written, the reader is served all the same, and it is
//! written as soon as that is possible. No reader waits long for a disk that does not answer.

mod directory;
mod sorter;

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use farthing_api::{Envelope, Receipt};
use farthing_protocol::Day;
use tokio::sync::oneshot;

use directory::Directory;
use sorter::Sorter;

/// How long after a failure it is tried again.
const RETRY: Duration = Duration::from_secs(5);
/// How long a reader waits for a receipt to be written.
const PATIENCE: Duration = Duration::from_secs(3);
/// Most receipts that wait to be written, some megabytes; as many more wait for a disk that does not answer.
const MOST_UNWRITTEN: usize = 10_000;
/// Most receipts that one sync makes durable.
const MOST_AT_ONCE: usize = 1_000;

/// Keeps receipts. Those that come at the same time are made durable together.
pub struct Receipts {
    entries: SyncSender<Entry>,
    health: Arc<Health>,
}

struct Entry {
    /// The day of the receipt, and the receipt as a line; or why there is none.
    line: Result<(Day, String), &'static str>,
    /// Told when it is durable, or has to wait.
    done: oneshot::Sender<()>,
}

/// Whether receipts are kept.
struct Health {
    /// The disk did not answer in time, and has not answered since.
    hangs: AtomicBool,
    told: Box<dyn Fn(bool) + Send + Sync>,
}

impl Health {
    fn disk_hangs(&self, cause: &'static str) {
        if !self.hangs.swap(true, Ordering::Relaxed) {
            tracing::error!(cause, "a receipt was not kept; readers are served, and it is tried again");
        }
        (self.told)(false);
    }
}

impl Receipts {
    /// Keeps them in `directory`, which is made if it is not there. `told` is called with whether all is well, first when a
    /// receipt was written or could not be.
    ///
    /// # Errors
    /// The directory cannot be made, or another process keeps its receipts there.
    pub fn open(directory: PathBuf, told: impl Fn(bool) + Send + Sync + 'static) -> io::Result<Self> {
        Self::of(Arc::new(Directory::open(directory)?), told)
    }

    fn of(directory: Arc<Directory>, told: impl Fn(bool) + Send + Sync + 'static) -> io::Result<Self> {
        let sorter = Sorter::start(Arc::clone(&directory))?;
        let health = Arc::new(Health { hangs: AtomicBool::new(false), told: Box::new(told) });
        let (sender, entries) = sync_channel(MOST_UNWRITTEN);
        let unwritten = BTreeMap::new();
        let writer = Writer { directory, sorter, unwritten, fault: None, health: Arc::clone(&health) };
        thread::Builder::new().name("receipts".to_owned()).spawn(move || writer.run(&entries))?;
        Ok(Self { entries: sender, health })
    }

    /// Keeps the receipt of a redemption. It is durable then, or the log says why it is not.
    pub async fn keep(&self, receipt: Option<&Envelope>) {
        let line = receipt.ok_or("the redeemer gave none").and_then(line_of);
        if let Some(done) = self.hand_over(line) {
            // Who comes while the disk hangs need not find that out.
            let hung = self.health.hangs.load(Ordering::Relaxed);
            if !hung && tokio::time::timeout(PATIENCE, done).await.is_err() {
                self.health.disk_hangs("the disk does not answer");
            }
        }
    }

    /// Says that a receipt may be missing: the redeemer did not say whether it took tokens.
    pub fn miss(&self) {
        self.hand_over(Err("the redeemer did not say whether it took a payment"));
    }

    /// Gives the writer what it is to write; what comes back is ready when that is done.
    fn hand_over(&self, line: Result<(Day, String), &'static str>) -> Option<oneshot::Receiver<()>> {
        let (done, is_done) = oneshot::channel();
        if self.entries.try_send(Entry { line, done }).is_err() {
            // The writer ends with the process, and takes everything until then.
            self.health.disk_hangs("the disk does not answer, and too many wait to be written");
            return None;
        }
        Some(is_done)
    }
}

impl fmt::Debug for Receipts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Receipts(..)")
    }
}

/// A receipt as it is kept, and its day. Whether it is genuine is seen by whoever has the redeemer's key.
fn line_of(envelope: &Envelope) -> Result<(Day, String), &'static str> {
    let unreadable = "the redeemer gave one that cannot be read";
    let receipt: Receipt = serde_json::from_slice(&envelope.payload.0).map_err(|_| unreadable)?;
    let day = receipt.day.parse().map_err(|_| unreadable)?;
    let line = serde_json::to_string(envelope).map_err(|_| unreadable)?;
    Ok((day, line))
}

struct Writer {
    directory: Arc<Directory>,
    sorter: Sorter,
    unwritten: BTreeMap<Day, Vec<String>>,
    /// What was wrong the last time, so that a fault that lasts is logged once.
    fault: Option<String>,
    health: Arc<Health>,
}

impl Writer {
    fn run(mut self, entries: &Receiver<Entry>) {
        loop {
            let first = if self.unwritten.is_empty() {
                entries.recv().map_err(|_| RecvTimeoutError::Disconnected)
            } else {
                entries.recv_timeout(RETRY)
            };
            let first = match first {
                Ok(entry) => Some(entry),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return,
            };
            let (mut waiting, mut fault) = (Vec::new(), None);
            for entry in first.into_iter().chain(entries.try_iter().take(MOST_AT_ONCE)) {
                if let Err(reason) = self.take(entry.line) {
                    fault = Some(reason.to_owned());
                }
                waiting.push(entry.done);
            }
            let fault = self.write().err().map(|error| error.to_string()).or(fault);
            self.tell(fault);
            for done in waiting {
                let _ = done.send(());
            }
        }
    }

    fn take(&mut self, line: Result<(Day, String), &'static str>) -> Result<(), &'static str> {
        let (day, line) = line?;
        if self.unwritten.values().map(Vec::len).sum::<usize>() >= MOST_UNWRITTEN {
            return Err("too many wait to be written");
        }
        self.unwritten.entry(day).or_default().push(line);
        Ok(())
    }

    /// Writes what waits, oldest day first. What was written waits no more.
    fn write(&mut self) -> io::Result<()> {
        while let Some(entry) = self.unwritten.first_entry() {
            self.directory.append(*entry.key(), entry.get())?;
            self.sorter.added(*entry.key());
            entry.remove();
        }
        Ok(())
    }

    fn tell(&mut self, fault: Option<String>) {
        let hung = self.health.hangs.swap(false, Ordering::Relaxed);
        match (&self.fault, &fault) {
            (known, None) if known.is_some() || hung => tracing::info!("receipts are kept again"),
            (known, Some(cause)) if known.as_ref() != Some(cause) => {
                tracing::error!(%cause, "a receipt was not kept; readers are served, and it is tried again");
            }
            _ => {}
        }
        (self.health.told)(fault.is_none());
        self.fault = fault;
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
