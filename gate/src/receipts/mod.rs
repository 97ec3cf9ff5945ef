//! The redeemer's receipts, kept in a directory, so that the publisher can prove what it is owed.
//!
//! A receipt is durable before the page is served. If it cannot be written, the reader is served all the same, and it is
//! written as soon as that is possible. No reader waits long for a disk that does not answer.

mod directory;
mod health;
mod known;
mod sorter;

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use farthing_api::{Envelope, Receipt};
use farthing_protocol::Day;
use tokio::sync::oneshot;

use directory::Directory;
use health::Health;
use known::Known;
use sorter::Sorter;

/// How long after a failure it is tried again.
const RETRY: Duration = Duration::from_secs(5);
/// How often it is looked whether all is well again, where nothing is to be written.
const LOOK: Duration = Duration::from_mins(1);
/// How long it is known that a receipt is missing for good.
const MEMORY: Duration = Duration::from_hours(24);
/// How long a reader waits for a receipt to be written.
const PATIENCE: Duration = Duration::from_secs(3);
/// Most receipts that wait to be written, some megabytes; as many more wait for a disk that does not answer.
const MOST_UNWRITTEN: usize = 10_000;
/// Most receipts that one sync makes durable.
const MOST_AT_ONCE: usize = 1_000;

/// Keeps receipts. Those that come at the same time are made durable together, and one that comes again is there already.
pub struct Receipts {
    entries: SyncSender<Entry>,
    waiting: Arc<AtomicUsize>,
    health: Arc<Health>,
}

struct Entry {
    /// The day of the receipt, and the receipt as a line.
    line: (Day, String),
    /// Told when it is durable, or has to wait.
    done: oneshot::Sender<()>,
}

impl Receipts {
    /// Keeps them in `directory`, which is made if it is not there. `told` is called with whether all is well, first when a
    /// receipt was written or could not be: the disk takes what it is given, and for a day no receipt went missing.
    ///
    /// # Errors
    /// The directory cannot be made, or another process keeps its receipts there.
    pub fn open(directory: PathBuf, told: impl Fn(bool) + Send + Sync + 'static) -> io::Result<Self> {
        Self::of(Arc::new(Directory::open(directory)?), Health::new(MEMORY, told))
    }

    fn of(directory: Arc<Directory>, health: Health) -> io::Result<Self> {
        let sorter = Sorter::start(Arc::clone(&directory))?;
        let (health, waiting) = (Arc::new(health), Arc::new(AtomicUsize::new(0)));
        let (sender, entries) = sync_channel(MOST_UNWRITTEN);
        let writer = Writer {
            directory,
            sorter,
            known: Known::default(),
            unwritten: BTreeMap::new(),
            waiting: Arc::clone(&waiting),
            health: Arc::clone(&health),
        };
        thread::Builder::new().name("receipts".to_owned()).spawn(move || writer.run(&entries))?;
        Ok(Self { entries: sender, waiting, health })
    }

    /// Keeps the receipt of a redemption. It is durable then, or the log says why it is not.
    pub async fn keep(&self, receipt: Option<&Envelope>) {
        let line = match receipt.ok_or("the redeemer gave none").and_then(line_of) {
            Ok(line) => line,
            Err(cause) => return self.health.is_missing(cause),
        };
        let (done, is_done) = oneshot::channel();
        self.waiting.fetch_add(1, Ordering::Relaxed);
        if self.entries.try_send(Entry { line, done }).is_err() {
            // The writer ends with the process, and takes everything until then.
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            return self.health.is_missing("the disk does not answer, and too many wait to be written");
        }
        // Who comes while the disk hangs need not find that out.
        if !self.health.disk_hangs() && tokio::time::timeout(PATIENCE, is_done).await.is_err() {
            self.health.disk_is_silent();
        }
    }

    /// Says that a receipt may be missing: the redeemer did not say whether it took tokens.
    pub fn miss(&self) {
        self.health.is_missing("the redeemer did not say whether it took a payment");
    }

    /// How many receipts wait to be written.
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
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
    /// What is written, or waits for it.
    known: Known,
    unwritten: BTreeMap<Day, Vec<String>>,
    waiting: Arc<AtomicUsize>,
    health: Arc<Health>,
}

impl Writer {
    fn run(mut self, entries: &Receiver<Entry>) {
        loop {
            let pause = if self.unwritten.is_empty() {
                self.health.next_change().unwrap_or(LOOK).min(LOOK)
            } else {
                RETRY
            };
            let first = match entries.recv_timeout(pause) {
                Ok(entry) => Some(entry),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return,
            };
            let mut told = Vec::new();
            for Entry { line, done } in first.into_iter().chain(entries.try_iter().take(MOST_AT_ONCE)) {
                self.take(line);
                told.push(done);
            }
            let written = self.write();
            self.health.disk_answers(written.err().map(|error| error.to_string()));
            for done in told {
                let _ = done.send(());
            }
        }
    }

    fn take(&mut self, (day, line): (Day, String)) {
        let is_known = self.known.has(&line);
        let is_full = self.unwritten.values().map(Vec::len).sum::<usize>() >= MOST_UNWRITTEN;
        if is_known || is_full {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            if !is_known {
                self.health.is_missing("too many wait to be written");
            }
            return;
        }
        self.known.add(&line);
        self.unwritten.entry(day).or_default().push(line);
    }

    /// Writes what waits, oldest day first. What was written waits no more.
    fn write(&mut self) -> io::Result<()> {
        while let Some(entry) = self.unwritten.first_entry() {
            self.directory.append(*entry.key(), entry.get())?;
            self.sorter.added(*entry.key());
            self.waiting.fetch_sub(entry.remove().len(), Ordering::Relaxed);
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
