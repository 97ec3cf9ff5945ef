//! The redeemer's tables as whoever moves its store sees them.

use farthing_protocol::BackupEntry;
use farthing_service::backup::{self, Copies};
use farthing_service::birth::ServiceKind;
use farthing_service::embedded::EmbeddedStore;
use farthing_service::migration::Movable;
use farthing_service::redis::RedisStore;
use farthing_service::unavailable::Unavailable;

use super::RedeemerBooks;
use super::backup_records::SHORT_MARKS;
use super::embedded::{self, EmbeddedCopies};
use super::redis::{self, RedisCopies, RedisRebuild};

/// Marks and kept answers are many, and are copied ahead; everything else is counts of days, keys and publishers.
pub struct RedeemerTables;

impl Movable for RedeemerTables {
    const SERVICE: ServiceKind = ServiceKind::Redeemer;
    const FIRST: &'static [&'static str] = embedded::FIRST;
    const AHEAD: &'static [&'static str] = &["spent-marks", SHORT_MARKS, "kept-answers"];
    const AHEAD_ON_REDIS: &'static [&'static str] = &["marks", "kept-answers"];
    const IN_ORDER: &'static [&'static str] = &["spent-marks", SHORT_MARKS];
    const INDEXES: &'static [&'static str] = embedded::INDEXES;

    type Books = RedeemerBooks;
    type Rebuild = RedisRebuild;

    /// How much of a mark's first byte is known depends on how many buckets a group has.
    fn undivided(entry: &BackupEntry) -> BackupEntry {
        let known = match entry.table.as_str() {
            "spent-marks" | SHORT_MARKS => entry.key.get(..4).zip(entry.key.last_chunk::<15>()),
            _ => None,
        };
        known.map_or_else(
            || entry.clone(),
            |(ordinal, rest)| backup::entry("spent-marks", [ordinal, rest].concat(), []),
        )
    }

    fn of_embedded(store: EmbeddedStore) -> Box<dyn Copies> {
        Box::new(EmbeddedCopies(store))
    }

    fn of_redis(store: RedisStore) -> Box<dyn Copies> {
        Box::new(RedisCopies(store))
    }

    async fn read(store: &RedisStore, names: Vec<Vec<u8>>) -> Result<Vec<BackupEntry>, Unavailable> {
        redis::read_ahead(store, names).await
    }
}

#[cfg(test)]
mod tests;
