use std::marker::PhantomData;

use async_trait::async_trait;

use super::{Movable, OldStore};
use crate::backup::{Copies, Sink};
use crate::birth::Birth;
use crate::embedded::{Departure, EmbeddedStore};
use crate::unavailable::Unavailable;

/// An embedded store that is left. Only its own process uses it, so nothing need be written into it before it is moved.
struct Embedded<M> {
    departure: Departure,
    tables: PhantomData<M>,
}

/// Begins to leave an embedded store, which may be in use.
///
/// # Errors
/// It is being left already, or does not answer.
pub async fn leave_embedded<M: Movable>(store: &EmbeddedStore) -> Result<Box<dyn OldStore>, Unavailable> {
    let departure = Departure::begin(store).await?;
    Ok(Box::new(Embedded::<M> { departure, tables: PhantomData }))
}

/// Has a move of the store that this process has under way stop, and waits until it has; whether there was one.
///
/// # Errors
/// It does not stop in time.
pub async fn stop_embedded(store: &EmbeddedStore) -> Result<bool, Unavailable> {
    Departure::stop(store).await
}

#[async_trait]
impl<M: Movable> OldStore for Embedded<M> {
    fn birth(&self) -> Birth {
        self.departure.birth().settled()
    }

    fn going(&self) -> Option<(String, bool)> {
        self.departure.birth().leaving.as_ref().map(|leaving| (leaving.to.clone(), true))
    }

    async fn begin(&mut self, _during: &Birth) -> Result<(), Unavailable> {
        // The departure has begun, and only this process uses the store.
        Ok(())
    }

    async fn round(&mut self, sink: Sink) -> Result<u64, Unavailable> {
        let (sent, sink) = self.departure.round(M::FIRST, M::AHEAD, sink).await?;
        sink.end().await?;
        Ok(sent)
    }

    async fn end(&mut self, after: &Birth) -> Result<(), Unavailable> {
        self.departure.check_wanted()?;
        self.departure.replace_birth(after.clone()).await
    }

    async fn release(&mut self) -> Result<(), Unavailable> {
        // Whether a write that failed came to the disk is not known, so what is there now counts.
        self.departure.look_again().await?;
        if self.departure.birth().leaving.is_none() {
            return Ok(());
        }
        let before = self.birth();
        self.departure.replace_birth(before).await
    }

    fn copies(&self) -> Box<dyn Copies> {
        M::of_embedded(self.departure.store())
    }
}
