//! The way from whoever reads a store to whoever takes its entries: a bounded channel, so that a backup takes as much
//! memory as a few pieces of it.

use farthing_protocol::BackupEntry;
use tokio::sync::mpsc;

use crate::unavailable::Unavailable;

/// Pieces that may wait.
const QUEUE: usize = 8;

enum Piece {
    Entries(Vec<BackupEntry>),
    /// Everything was sent. Without it the copy is not whole.
    End,
}

/// Where a store's entries go.
pub struct Sink(mpsc::Sender<Piece>);

/// Where they come from.
pub struct Source(mpsc::Receiver<Piece>);

/// Both ends.
pub fn channel() -> (Sink, Source) {
    let (sender, receiver) = mpsc::channel(QUEUE);
    (Sink(sender), Source(receiver))
}

fn gone<T>(_: T) -> Unavailable {
    Unavailable::because("whoever takes the copy has stopped")
}

impl Sink {
    /// Sends some entries.
    ///
    /// # Errors
    /// Nobody takes them any more.
    pub async fn put(&self, entries: Vec<BackupEntry>) -> Result<(), Unavailable> {
        self.0.send(Piece::Entries(entries)).await.map_err(gone)
    }

    /// As [`Self::put`], on a thread that may block.
    ///
    /// # Errors
    /// As [`Self::put`].
    pub fn put_blocking(&self, entries: Vec<BackupEntry>) -> Result<(), Unavailable> {
        self.0.blocking_send(Piece::Entries(entries)).map_err(gone)
    }

    /// Says that everything was sent.
    ///
    /// # Errors
    /// As [`Self::put`].
    pub async fn end(self) -> Result<(), Unavailable> {
        self.0.send(Piece::End).await.map_err(gone)
    }
}

impl Source {
    /// Gives every entry to `take`, on a thread that may block; whether that was everything.
    ///
    /// # Errors
    /// What `take` returned.
    pub fn drain<E>(mut self, mut take: impl FnMut(BackupEntry) -> Result<(), E>) -> Result<bool, E> {
        while let Some(piece) = self.0.blocking_recv() {
            match piece {
                Piece::Entries(entries) => entries.into_iter().try_for_each(&mut take)?,
                Piece::End => return Ok(true),
            }
        }
        Ok(false)
    }
}
