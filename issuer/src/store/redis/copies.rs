//! The issuer's store on Redis as a whole, copied while it is in use.
//!
//! Nothing stops meanwhile, so what is read first is older than what is read last. Orders are read before the vouchers
//! that pay them and between two readings of the totals, and what happened in between is taken back or added: the copy
//! is one that adds up.

mod ahead;
mod orders;
mod totals;

use async_trait::async_trait;
use farthing_protocol::{BackupEntry, Day};
use farthing_service::backup::{Copies, Extent, Findings, Sink, WALKS_IN_USE, entry};
use farthing_service::birth::Birth;
use farthing_service::pinned_keys;
use farthing_service::record;
use farthing_service::redis::{Content, MembersOf, RedisStore, Walk};
use farthing_service::unavailable::Unavailable;

pub use ahead::read as read_ahead;

use super::orders::pending_key;
use super::unreadable;
use crate::orders::OrderId;
use crate::store::PendingCount;
use crate::store::books::ISSUED_INDEX;
use crate::vouchers::Voucher;
use orders::Walked;

/// Every table of docs/redis-keys.md.
const TABLES: &[&str] =
    &["orders", "order-ids", "pending-orders", "vouchers", "issued", "issued-totals", "issued-total"];

/// The store on Redis as a whole.
pub struct RedisCopies(pub RedisStore);

#[async_trait]
impl Copies for RedisCopies {
    async fn copy(&self, extent: Extent, now: u64, sink: Sink) -> Result<Findings, Unavailable> {
        let store = &self.0.steadily();
        let mut findings = Findings::new();
        store.check_known(TABLES).await?;
        sink.put(pinned_keys::copy_from_redis(store).await?).await?;
        let before = totals::read(store, &mut findings).await?;
        let mut walked = orders::walk(store, &sink, &mut findings).await?;
        let after = totals::read(store, &mut findings).await?;
        sink.put(totals::settle(before, &after, &walked.issued, Day::from_unix(now))?).await?;
        copy_vouchers(store, &sink, &mut walked).await?;
        sink.put(walked.unpaid()?).await?;
        if extent == Extent::Everything {
            copy_indexes(store, &sink, &walked).await?;
        }
        store.check_followed().await?;
        sink.end().await?;
        Ok(findings)
    }

    fn walks(&self) -> usize {
        WALKS_IN_USE
    }

    async fn replace_birth(&self, birth: Birth) -> Result<(), Unavailable> {
        self.0.replace_birth(birth).await
    }
}

async fn copy_vouchers(store: &RedisStore, sink: &Sink, walked: &mut Walked) -> Result<(), Unavailable> {
    let mut walk = Walk::default();
    while let Some(hashes) = store.scan_keys(&mut walk, b"vouchers:").await? {
        let keys: Vec<_> = hashes.iter().map(|hash| store.key(&[b"vouchers:", hash])).collect();
        let mut copied = Vec::with_capacity(keys.len());
        for (hash, found) in hashes.into_iter().zip(store.read_keys(&keys).await?) {
            // Nothing takes a voucher away, so a name without a record is a hash of something else, or damage that the
            // index of orders shows.
            let Some(bytes) = found.field("record") else { continue };
            let minted: Voucher = record::decode(bytes).map_err(unreadable)?;
            let used_by = found.field("used-by").and_then(|id| <[u8; 16]>::try_from(id).ok());
            let used_by = match used_by.map(OrderId::from_bytes) {
                Some(order) if walked.has_paid(store, order).await? => Some(order),
                _ => None,
            };
            let voucher = record::encode(&Voucher { used_by, ..minted }).map_err(unreadable)?;
            copied.push(entry("vouchers", hash, voucher));
        }
        sink.put(copied).await?;
    }
    Ok(())
}

async fn copy_indexes(store: &RedisStore, sink: &Sink, walked: &Walked) -> Result<(), Unavailable> {
    let mut walk = Walk::default();
    while let Some(ids) = store.scan_keys(&mut walk, b"order-ids:").await? {
        let keys: Vec<_> = ids.iter().map(|id| store.key(&[b"order-ids:", id])).collect();
        let found = ids.into_iter().zip(store.read_keys(&keys).await?);
        let copied = found.filter_map(|(id, claim)| match claim {
            Content::Bytes(claim) => Some(entry("order-ids", id, claim)),
            _ => None,
        });
        sink.put(copied.collect()).await?;
    }
    let pending = store.read_key(pending_key(store)).await?.into_scored();
    let mut counts = std::collections::BTreeMap::<[u8; 4], u64>::new();
    let mut copied: Vec<BackupEntry> = vec![entry(ISSUED_INDEX, [], [])];
    for (claim, day) in pending {
        let day = u32::try_from(day).map_err(Unavailable::because)?.to_be_bytes();
        *counts.entry(day).or_default() += 1;
        copied.push(entry("pending-orders", [day.as_slice(), &claim].concat(), []));
    }
    for (day, orders) in counts {
        let count = record::encode(&PendingCount { orders }).map_err(unreadable)?;
        copied.push(entry("pending-order-counts", day, count));
    }
    sink.put(copied).await?;
    for key in walked.issued.keys() {
        let index = store.key(&[b"issued:", key.as_bytes()]);
        let mut walk = Walk::default();
        while let Some(claims) = store.scan_members(&mut walk, &index, MembersOf::Set).await? {
            let copied = claims
                .into_iter()
                .map(|(claim, _)| entry(ISSUED_INDEX, [key.as_bytes().as_slice(), &claim].concat(), []));
            sink.put(copied.collect()).await?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
