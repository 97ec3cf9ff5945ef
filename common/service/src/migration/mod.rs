//! Moving a store to another place while its service works: docs/adr/0016-moving-stores.md.
//!
//! The old store alone decides, until a mark in it ends that for ever. What is large is copied ahead, in rounds, each of what
//! changed since the one before; the rest once nothing changes any more. Then both are compared, entry by entry, and only
//! then the new store gets its birth record, without which nobody opens it.

pub mod arguments;
mod comparison;
mod course;
mod filling;
mod giving_up;
mod of_embedded;
mod of_redis;
mod old_store;
mod places;
mod secrets;
mod tally;

use std::future::Future;

use farthing_protocol::BackupEntry;

pub use course::migrate;
pub use giving_up::give_up;
pub use of_embedded::{leave_embedded, stop_embedded};
pub use of_redis::leave_redis;
pub use old_store::OldStore;
pub use secrets::check_same_secret;

use crate::backup::{Books, Copies};
use crate::birth::ServiceKind;
use crate::embedded::EmbeddedStore;
use crate::redis::{Rebuild, RedisStore};
use crate::unavailable::Unavailable;

/// What a service's tables are to whoever moves them. Names are those of backups, unless it is said otherwise.
pub trait Movable: Send + Sync + 'static {
    /// Whose they are.
    const SERVICE: ServiceKind;
    /// Tables that those `AHEAD` presuppose.
    const FIRST: &'static [&'static str];
    /// Large tables, which are copied while the service works. What is in them may change, and nothing is taken out.
    const AHEAD: &'static [&'static str];
    /// The same, as the names of their keys begin on Redis.
    const AHEAD_ON_REDIS: &'static [&'static str];
    /// Those of them that a walk meets in order, and so no entry twice.
    const IN_ORDER: &'static [&'static str];
    /// Tables that follow from others.
    const INDEXES: &'static [&'static str];

    /// What they must add up to.
    type Books: Books;
    /// What makes a store on Redis of them.
    type Rebuild: Rebuild + Default + Send + 'static;

    /// What of an entry does not depend on how the store is divided into groups of keys.
    fn undivided(entry: &BackupEntry) -> BackupEntry;

    /// An embedded store as a whole.
    fn of_embedded(store: EmbeddedStore) -> Box<dyn Copies>;

    /// A store on Redis as a whole.
    fn of_redis(store: RedisStore) -> Box<dyn Copies>;

    /// What is now under keys of the tables `AHEAD_ON_REDIS`, with the entries of `FIRST` that it presupposes before it. The
    /// names are without what all of them begin with.
    fn read(
        store: &RedisStore,
        names: Vec<Vec<u8>>,
    ) -> impl Future<Output = Result<Vec<BackupEntry>, Unavailable>> + Send;
}

/// What whoever still uses a store is told once it is at another place.
pub fn moved_away(to: &str) -> String {
    format!(
        "the store was moved to {to}: stop the service, name that place in the table `store` of its configuration, and \
         start it; if `store migrate` did not end, run it again first"
    )
}
