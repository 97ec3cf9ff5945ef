//! Leaving an embedded store for another place while it goes on being used.
//!
//! Nothing logs what changes: the database keeps states of the past as long as somebody reads them, so what changed since
//! the last round is what differs between the state that it copied and the present one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use redb::{ReadTransaction, ReadableDatabase, ReadableTable};

use super::file::{self, BIRTH};
use super::{EmbeddedStore, Fault, OpenTable, Shared, TableDefinition, open};
use crate::backup::{Sink, entry};
use crate::birth::Birth;
use crate::record;
use crate::unavailable::Unavailable;

/// Entries of a piece.
const PIECE: usize = 1_000;

/// The pause between two looks at whether a store is still being left.
const PAUSE: Duration = Duration::from_millis(20);
/// The longest wait for that to end.
const PATIENCE: Duration = Duration::from_secs(20);

/// Whether what is of no use any more stays for now, because the store is being left. Whoever writes asks in its
/// transaction.
#[derive(Clone, Default)]
pub struct Rest(Arc<Flags>);

#[derive(Default)]
struct Flags {
    holds: AtomicBool,
    /// Whether the store is no longer to be left.
    is_over: AtomicBool,
}

impl Rest {
    /// Whether nothing may be dropped.
    pub fn holds(&self) -> bool {
        self.0.holds.load(Ordering::SeqCst)
    }

    fn check_wanted(&self) -> Result<(), Fault> {
        if self.0.is_over.load(Ordering::SeqCst) {
            Err(Fault::because("the move was given up"))
        } else {
            Ok(())
        }
    }
}

/// A store that is about to be left. Until it is dropped nothing is dropped from the store.
pub struct Departure {
    store: EmbeddedStore,
    birth: Birth,
    /// What the last round has copied.
    copied: Option<ReadTransaction>,
}

impl Departure {
    /// Begins to leave a store. Drops that are under way come to their end first.
    ///
    /// # Errors
    /// It is being left already, or takes no writes.
    pub async fn begin(store: &EmbeddedStore) -> Result<Self, Unavailable> {
        let Rest(flags) = &store.shared.rest;
        if flags.holds.swap(true, Ordering::SeqCst) {
            return Err(Unavailable::because("it is being moved already: wait for that to end"));
        }
        flags.is_over.store(false, Ordering::SeqCst);
        let mut departure = Self { store: store.clone(), birth: store.birth().clone(), copied: None };
        departure.look_again().await?;
        if departure.birth.leaving.is_none() {
            store.write(|_| Ok(())).await?;
        }
        Ok(departure)
    }

    /// Has whoever is about to leave the store stop that, and waits until it has; whether somebody was.
    ///
    /// # Errors
    /// It does not stop in time.
    pub async fn stop(store: &EmbeddedStore) -> Result<bool, Unavailable> {
        let rest = store.rest();
        if !rest.holds() {
            return Ok(false);
        }
        rest.0.is_over.store(true, Ordering::SeqCst);
        let stopping = async {
            while rest.holds() {
                tokio::time::sleep(PAUSE).await;
            }
        };
        let stopped = tokio::time::timeout(PATIENCE, stopping).await;
        stopped.map_err(|_| Unavailable::because("the move has not stopped yet; run the command again"))?;
        Ok(true)
    }

    /// Refuses to go on once somebody had it stop.
    ///
    /// # Errors
    /// Somebody had.
    pub fn check_wanted(&self) -> Result<(), Unavailable> {
        Ok(self.store.shared.rest.check_wanted()?)
    }

    /// Sends what is in the tables `ahead` and was not sent by the round before; and all that is in the tables `first`,
    /// which the others presuppose. How many entries of `ahead` it sent.
    ///
    /// # Errors
    /// The store failed, or nobody takes the entries.
    pub async fn round(
        &mut self,
        first: &'static [&'static str],
        ahead: &'static [&'static str],
        sink: Sink,
    ) -> Result<(u64, Sink), Unavailable> {
        let (shared, birth, before) =
            (Arc::clone(&self.store.shared), self.birth.clone(), self.copied.take());
        let copying = tokio::task::spawn_blocking(move || {
            let (now, rest) = (shared.present(&birth)?, &shared.rest);
            for name in first {
                differences(None, &now, name, rest, &sink)?;
            }
            let mut sent = 0;
            for name in ahead {
                sent += differences(before.as_ref(), &now, name, rest, &sink)?;
            }
            Ok::<_, Fault>((sent, now, sink))
        });
        let copied = copying.await.map_err(|_| Unavailable::because("a read failed"))?;
        let (sent, now, sink) = copied?;
        self.copied = Some(now);
        Ok((sent, sink))
    }

    /// Reads the birth record anew: it may be another than the one that is known if a write of it failed.
    ///
    /// # Errors
    /// The store failed, or has none.
    pub async fn look_again(&mut self) -> Result<(), Unavailable> {
        let shared = Arc::clone(&self.store.shared);
        let reading = tokio::task::spawn_blocking(move || shared.birth_now());
        self.birth = reading.await.map_err(|_| Unavailable::because("a read failed"))??;
        Ok(())
    }

    /// Puts another birth record into the store, if it is still the one that is known. From then on only who knows the new
    /// one reads or writes it.
    ///
    /// # Errors
    /// The store failed, or has another birth record by now.
    pub async fn replace_birth(&mut self, to: Birth) -> Result<(), Unavailable> {
        let (shared, from, wanted) = (Arc::clone(&self.store.shared), self.birth.clone(), to.clone());
        let replacing = tokio::task::spawn_blocking(move || shared.exchange_birth(&from, &wanted));
        replacing.await.map_err(|_| Unavailable::because("a write failed"))??;
        self.birth = to;
        Ok(())
    }

    /// The birth record, as it is now.
    pub const fn birth(&self) -> &Birth {
        &self.birth
    }

    /// The store, for reading it whatever its birth record says of where it went.
    pub fn store(&self) -> EmbeddedStore {
        EmbeddedStore { birth: Arc::new(self.birth.clone()), ..self.store.clone() }
    }
}

impl Drop for Departure {
    fn drop(&mut self) {
        self.store.shared.rest.0.holds.store(false, Ordering::SeqCst);
    }
}

impl Shared {
    fn birth_now(&self) -> Result<Birth, Fault> {
        self.presence.check()?;
        let found = file::read_birth(&self.database.begin_read()?)?;
        found.ok_or_else(|| Fault::because("its birth record is gone"))
    }

    fn present(&self, birth: &Birth) -> Result<ReadTransaction, Fault> {
        self.presence.check()?;
        let transaction = self.database.begin_read()?;
        file::check_birth(&transaction, birth)?;
        Ok(transaction)
    }

    /// Its transaction comes before or after each of the writer's: there is one at a time.
    fn exchange_birth(&self, from: &Birth, to: &Birth) -> Result<(), Fault> {
        self.presence.check()?;
        let transaction = self.database.begin_write()?;
        file::check_birth_for_write(&transaction, from)?;
        transaction.open_table(BIRTH)?.insert([].as_slice(), record::encode(to)?.as_slice())?;
        transaction.commit()?;
        Ok(())
    }
}

/// Sends the entries of a table that were not there before, or were otherwise; how many.
fn differences(
    before: Option<&ReadTransaction>,
    now: &ReadTransaction,
    name: &'static str,
    rest: &Rest,
    sink: &Sink,
) -> Result<u64, Fault> {
    rest.check_wanted()?;
    let table = TableDefinition::new(name);
    let Some(now) = open(now, table)? else { return Ok(0) };
    let before: Option<OpenTable> = before.map(|before| open(before, table)).transpose()?.flatten();
    let mut known = before.as_ref().map(ReadableTable::iter).transpose()?;
    let mut next = || known.as_mut().and_then(Iterator::next).transpose();
    let (mut earlier, mut sent, mut piece) = (next()?, 0, Vec::with_capacity(PIECE));
    for found in now.iter()? {
        let (key, value) = found?;
        while earlier.as_ref().is_some_and(|(earlier, _)| earlier.value() < key.value()) {
            earlier = next()?;
        }
        let is_known = earlier
            .as_ref()
            .is_some_and(|earlier| earlier.0.value() == key.value() && earlier.1.value() == value.value());
        if is_known {
            continue;
        }
        piece.push(entry(name, key.value(), value.value()));
        sent += 1;
        if piece.len() == PIECE {
            rest.check_wanted()?;
            sink.put_blocking(std::mem::take(&mut piece)).map_err(Fault::because)?;
        }
    }
    sink.put_blocking(piece).map_err(Fault::because)?;
    Ok(sent)
}
