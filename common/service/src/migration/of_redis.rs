use std::marker::PhantomData;

use async_trait::async_trait;

use super::{Movable, OldStore};
use crate::backup::{Copies, Sink};
use crate::birth::Birth;
use crate::redis::{Departure, Walk};
use crate::unavailable::Unavailable;

/// Names of keys that are taken out of the log at once.
const TOGETHER: u64 = 500;

/// A store on Redis that is left. Those who use it, in whichever processes, note what they change.
struct OnRedis<M> {
    departure: Departure,
    /// Whether every key was copied once.
    is_copied: bool,
    tables: PhantomData<M>,
}

/// Leaves a store on Redis.
pub fn leave_redis<M: Movable>(departure: Departure) -> Box<dyn OldStore> {
    Box::new(OnRedis::<M> { departure, is_copied: false, tables: PhantomData })
}

impl<M: Movable> OnRedis<M> {
    /// A walk meets each key that is there all the time; those that come up meanwhile are in the log.
    async fn copy_all(&self, sink: &Sink) -> Result<u64, Unavailable> {
        let (store, mut sent, mut walk) = (self.departure.store().steadily(), 0, Walk::default());
        while let Some(mut names) = store.scan_keys(&mut walk, b"").await? {
            names.retain(|name| {
                let table = name.split(|byte| *byte == b':').next().unwrap_or_default();
                M::AHEAD_ON_REDIS.iter().any(|ahead| ahead.as_bytes() == table)
            });
            sent += self.copy(names, sink).await?;
        }
        Ok(sent)
    }

    /// As many names as are in the log now: what comes meanwhile is for the next round.
    async fn copy_changed(&self, sink: &Sink) -> Result<u64, Unavailable> {
        let (mut left, mut sent) = (self.departure.count().await?, 0);
        while left > 0 {
            let names = self.departure.changes(left.min(TOGETHER)).await?;
            if names.is_empty() {
                break;
            }
            left = left.saturating_sub(names.len() as u64);
            sent += self.copy(names, sink).await?;
        }
        Ok(sent)
    }

    async fn copy(&self, names: Vec<Vec<u8>>, sink: &Sink) -> Result<u64, Unavailable> {
        if names.is_empty() {
            return Ok(0);
        }
        let count = names.len() as u64;
        sink.put(M::read(&self.departure.store(), names).await?).await?;
        Ok(count)
    }
}

#[async_trait]
impl<M: Movable> OldStore for OnRedis<M> {
    fn birth(&self) -> Birth {
        self.departure.birth().clone()
    }

    fn going(&self) -> Option<(String, bool)> {
        self.departure.going().map(|(to, is_moved)| (to.to_owned(), is_moved))
    }

    async fn begin(&mut self, during: &Birth) -> Result<(), Unavailable> {
        self.departure.begin(during, M::AHEAD_ON_REDIS).await
    }

    async fn round(&mut self, sink: Sink) -> Result<u64, Unavailable> {
        let sent =
            if self.is_copied { self.copy_changed(&sink).await? } else { self.copy_all(&sink).await? };
        self.is_copied = true;
        sink.end().await?;
        Ok(sent)
    }

    async fn end(&mut self, after: &Birth) -> Result<(), Unavailable> {
        self.departure.end(after).await
    }

    async fn release(&mut self) -> Result<(), Unavailable> {
        self.departure.release().await
    }

    fn copies(&self) -> Box<dyn Copies> {
        M::of_redis(self.departure.store())
    }
}
