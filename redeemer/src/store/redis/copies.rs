//! The redeemer's store on Redis as a whole, copied while tokens are being redeemed.
//!
//! Nothing stops meanwhile. Answers are read first, then payouts, then statements, then what the operator entered, then everything that is
//! counted, then the marks: so there is no answer without its credit, no payout and no statement of what is not there, totals and credits
//! agree, and every token that they count has its mark. Marks of tokens that were redeemed while the marks were read are in
//! the copy too, where they do good; how many they are stands beside them, since nobody is credited for them in the copy.
//!
//! A divided store is read group by group, and no moment is the same in two of them. What holds of a group holds of the sum:
//! whatever changes totals in a group changes credits and marks there with them, so each group's counts are of one moment of
//! its own, and its marks are read after all counts. Two things hold of no group alone, and for each the copy finishes, in
//! all groups, the redemptions that are decided by then:
//!
//! - after the answers, before the counts: whoever is told an answer of the copy was committed when it was read, and so is
//!   counted in each group before its counts are read;
//! - after the counts, before the marks: a redemption that one group's counts have and another's have not was committed
//!   before, so all of its tokens are marked when the marks are read. Those that were not counted stand as marks without
//!   credit. None of its tokens can be spent again, and none is credited twice.
//!
//! What is not decided has changed nothing: the tokens that it holds are no marks, and it is not copied. If it is committed
//! while the marks are read, some of them may be in the copy, as in a store that is not divided. A check compares only what
//! holds of each group at its moment and of their sums, so it finishes nothing and only reads.

mod ahead;
mod answers;
mod counts;
mod marks;
mod names;
mod sets;
mod under_way;

use async_trait::async_trait;
use farthing_protocol::{BackupEntry, Day};
use farthing_service::backup::{Copies, Extent, Findings, Sink, WALKS_IN_USE, entry};
use farthing_service::birth::Birth;
use farthing_service::pinned_keys;
use farthing_service::redis::{RedisStore, Walk};
use farthing_service::unavailable::Unavailable;

pub use ahead::read as read_ahead;

use super::across_groups;
use crate::store::backup_records::UNCREDITED;
use counts::Counts;

/// Every table of docs/redis-keys.md.
const TABLES: &[&str] = &[
    "spent-sets",
    "spent-set",
    "spent-set-ordinal",
    "marks",
    "kept-answers",
    "kept-answers-by-end",
    "credit-entries",
    "credits",
    "adjustments",
    "statements",
    "payouts",
    "redeemed-totals",
    "redeemed-total",
    "publishers",
    "publisher-names",
    "api-keys",
    UNCREDITED,
    "held-marks",
    "unfinished",
    "decision",
    "decisions-by-end",
];

/// The store on Redis as a whole.
pub struct RedisCopies(pub RedisStore);

#[async_trait]
impl Copies for RedisCopies {
    async fn copy(&self, extent: Extent, now: u64, sink: Sink) -> Result<Findings, Unavailable> {
        let store = &self.0.steadily();
        let mut findings = Findings::new();
        store.check_known(TABLES).await?;
        let pinned = pinned_keys::copy_from_redis(store).await?;
        sink.put(pinned.clone()).await?;
        if extent == Extent::Everything {
            answers::copy_index(store, &sink).await?;
            under_way::look(store, &mut findings).await?;
        }
        answers::copy(store, &sink).await?;
        if extent == Extent::Records {
            across_groups::finish_decided(store).await?;
        }
        copy_by_publisher(store, "payouts", &sink).await?;
        copy_by_publisher(store, "statements", &sink).await?;
        copy_by_publisher(store, "adjustments", &sink).await?;
        let mut counts = Counts::default();
        for group in store.groups() {
            counts.read(&group, Day::from_unix(now), &mut findings).await?;
        }
        copy_counted(store, extent, counts, &pinned, &sink, &mut findings).await?;
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

/// Copies what was counted, and what must be there because it was.
async fn copy_counted(
    store: &RedisStore,
    extent: Extent,
    counts: Counts,
    pinned: &[BackupEntry],
    sink: &Sink,
    findings: &mut Findings,
) -> Result<(), Unavailable> {
    copy_publishers(store, extent, sink).await?;
    if extent == Extent::Records {
        across_groups::finish_decided(store).await?;
    }
    sets::copy(store, counts, pinned, sink, findings).await
}

/// Where in a store something was found: nothing more is said of one that is not divided.
fn place(group: &RedisStore) -> String {
    if group.groups().len() > 1 { format!(" (group {})", group.group()) } else { String::new() }
}

/// Copies a table that has a hash for each publisher.
async fn copy_by_publisher(store: &RedisStore, table: &str, sink: &Sink) -> Result<(), Unavailable> {
    let begin = format!("{table}:");
    let mut walk = Walk::default();
    while let Some(publishers) = store.scan_keys(&mut walk, begin.as_bytes()).await? {
        let keys: Vec<_> = publishers.iter().map(|id| store.key(&[begin.as_bytes(), id])).collect();
        let found = publishers.iter().zip(store.read_keys(&keys).await?);
        let copied = found.flat_map(|(publisher, records)| {
            let records = records.into_fields().into_iter();
            records.map(|(id, record)| entry(table, [publisher.as_slice(), &id].concat(), record))
        });
        sink.put(copied.collect()).await?;
    }
    Ok(())
}

async fn copy_publishers(store: &RedisStore, extent: Extent, sink: &Sink) -> Result<(), Unavailable> {
    let tables = ["publishers", "publisher-names", "api-keys"];
    let keys = tables.map(|table| store.key(&[table.as_bytes()]));
    let wanted = if extent == Extent::Everything { tables.len() } else { 1 };
    for (table, found) in tables.into_iter().zip(store.read_keys(&keys).await?).take(wanted) {
        let copied = found.into_fields().into_iter().map(|(key, value)| entry(table, key, value));
        sink.put(copied.collect()).await?;
    }
    Ok(())
}

#[cfg(test)]
mod divided_tests;
#[cfg(test)]
mod tests;
