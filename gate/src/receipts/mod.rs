//! The redeemer's receipts, kept in a directory, so that the publisher can prove what it is owed.
//!
//! A receipt is durable before the page is served. If it cannot be written, the reader is served all the same, and it is
//! written as soon as that is possible.

mod directory;

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use farthing_api::{Envelope, Receipt};
use farthing_protocol::Day;
use tokio::sync::oneshot;

use directory::Directory;

/// How long after a failure it is tried again.
const RETRY: Duration = Duration::from_secs(5);
/// Most receipts that wait to be written, some megabytes.
const MOST_UNWRITTEN: usize = 10_000;
/// Most receipts that one sync makes durable.
const MOST_AT_ONCE: usize = 1_000;

/// Keeps receipts. Those that come at the same time are made durable together.
pub struct Receipts(Sender<Entry>);

struct Entry {
    /// The day of the receipt, and the receipt as a line; or why there is none.
    line: Result<(Day, String), &'static str>,
    /// Told when it is durable, or has to wait.
    done: oneshot::Sender<()>,
}

impl Receipts {
    /// Keeps them in `directory`, which is made if it is not there. `told` is called with whether all is well, first when a
    /// receipt was written or could not be.
    ///
    /// # Errors
    /// The directory cannot be made, or another process keeps its receipts there.
    pub fn open(directory: PathBuf, told: impl FnMut(bool) + Send + 'static) -> io::Result<Self> {
        let directory = Directory::open(directory)?;
        let (sender, entries) = channel();
        let writer = Writer { directory, unwritten: BTreeMap::new(), fault: None, told };
        thread::Builder::new().name("receipts".to_owned()).spawn(move || writer.run(&entries))?;
        Ok(Self(sender))
    }

    /// Keeps the receipt of a redemption. It is durable then, or the log says why it is not.
    pub async fn keep(&self, receipt: Option<&Envelope>) {
        let (done, is_done) = oneshot::channel();
        let line = receipt.ok_or("the redeemer gave none").and_then(line_of);
        // The writer ends with the process, and tells everybody.
        if self.0.send(Entry { line, done }).is_ok() {
            let _ = is_done.await;
        }
    }

    /// Says that a receipt may be missing: the redeemer did not say whether it took tokens.
    pub fn miss(&self) {
        let (done, _) = oneshot::channel();
        let line = Err("the redeemer did not say whether it took a payment");
        let _ = self.0.send(Entry { line, done });
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

struct Writer<F> {
    directory: Directory,
    unwritten: BTreeMap<Day, Vec<String>>,
    /// What was wrong the last time, so that a fault that lasts is logged once.
    fault: Option<String>,
    told: F,
}

impl<F: FnMut(bool)> Writer<F> {
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
            entry.remove();
        }
        Ok(())
    }

    fn tell(&mut self, fault: Option<String>) {
        match (&self.fault, &fault) {
            (Some(_), None) => tracing::info!("receipts are kept again"),
            (known, Some(cause)) if known.as_ref() != Some(cause) => {
                tracing::error!(%cause, "a receipt was not kept; readers are served, and it is tried again");
            }
            _ => {}
        }
        (self.told)(fault.is_none());
        self.fault = fault;
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
