use async_trait::async_trait;

use crate::backup::{Copies, Sink};
use crate::birth::Birth;
use crate::unavailable::Unavailable;

/// A store that is about to be left, or was.
#[async_trait]
pub trait OldStore: Send {
    /// Its birth record as it was before.
    fn birth(&self) -> Birth;

    /// Where it is being moved to, and whether it was: then nobody uses it any more.
    fn going(&self) -> Option<(String, bool)>;

    /// Has changes noted from now on, and nothing dropped. A store that was left stays so.
    async fn begin(&mut self, during: &Birth) -> Result<(), Unavailable>;

    /// Sends what is in the tables that are copied ahead, at first all, then what has changed since the round before; how
    /// much it was.
    async fn round(&mut self, sink: Sink) -> Result<u64, Unavailable>;

    /// Ends the store's reign: when this returns nobody uses it, whatever dies, and what is read is what was there at last. An
    /// error may mean either.
    async fn end(&mut self, after: &Birth) -> Result<(), Unavailable>;

    /// Gives the store back to those who use it. Whoever moved it can do nothing more.
    async fn release(&mut self) -> Result<(), Unavailable>;

    /// All of it.
    fn copies(&self) -> Box<dyn Copies>;
}
