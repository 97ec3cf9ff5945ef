//! The issuer's tables as whoever moves its store sees them.

use farthing_protocol::BackupEntry;
use farthing_service::backup::Copies;
use farthing_service::birth::ServiceKind;
use farthing_service::embedded::EmbeddedStore;
use farthing_service::migration::Movable;
use farthing_service::redis::RedisStore;
use farthing_service::unavailable::Unavailable;

use super::IssuerBooks;
use super::embedded::{self, EmbeddedCopies};
use super::redis::{self, RedisCopies, RedisRebuild};

/// Orders and vouchers are many, and are copied ahead; everything else is counts of days and keys.
pub struct IssuerTables;

impl Movable for IssuerTables {
    const SERVICE: ServiceKind = ServiceKind::Issuer;
    const FIRST: &'static [&'static str] = embedded::FIRST;
    const AHEAD: &'static [&'static str] = &["orders", "vouchers"];
    const AHEAD_ON_REDIS: &'static [&'static str] = &["orders", "vouchers"];
    const IN_ORDER: &'static [&'static str] = &[];
    const INDEXES: &'static [&'static str] =
        &["order-ids", "pending-orders", "pending-order-counts", super::books::ISSUED_INDEX];

    type Books = IssuerBooks;
    type Rebuild = RedisRebuild;

    fn undivided(entry: &BackupEntry) -> BackupEntry {
        entry.clone()
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
