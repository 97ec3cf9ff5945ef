//! The redeemer's store on Redis as a whole, copied while tokens are being redeemed.
//!
//! Nothing stops meanwhile. Answers are read first, then statements, then what the operator entered, then at one moment everything that is counted, then the marks: so
//! there is no answer without its credit, no statement of what is not there, totals and credits agree, and every token that they count has its mark. Marks of
//! tokens that were redeemed while the marks were read are in the copy too, where they do good; how many they are stands
//! beside them, since nobody is credited for them in the copy.

mod counts;
mod marks;

use async_trait::async_trait;
use farthing_protocol::{BackupEntry, Day};
use farthing_service::backup::{Copies, Extent, Findings, Sink, WALKS_IN_USE, entry};
use farthing_service::birth::Birth;
use farthing_service::redis::{MembersOf, RedisStore};
use farthing_service::unavailable::Unavailable;
use farthing_service::{pinned_keys, record};

use super::{kept_answers_by_end, unreadable};
use crate::store::backup_records::{UNCREDITED, Uncredited};
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
    "redeemed-totals",
    "redeemed-total",
    "publishers",
    "publisher-names",
    "api-keys",
    UNCREDITED,
];

/// The store on Redis as a whole.
pub struct RedisCopies(pub RedisStore);

#[async_trait]
impl Copies for RedisCopies {
    async fn copy(&self, extent: Extent, now: u64, sink: Sink) -> Result<Findings, Unavailable> {
        let store = &self.0;
        let mut findings = Findings::new();
        store.check_known(TABLES).await?;
        sink.put(pinned_keys::copy_from_redis(store).await?).await?;
        if extent == Extent::Everything {
            copy_answer_index(store, &sink).await?;
        }
        copy_answers(store, &sink).await?;
        copy_by_publisher(store, "statements", &sink).await?;
        copy_by_publisher(store, "adjustments", &sink).await?;
        let counts = counts::at_one_moment(store, Day::from_unix(now), &mut findings).await?;
        // After the counts, so that whoever is credited is there.
        copy_publishers(store, extent, &sink).await?;
        copy_sets(store, counts, &sink, &mut findings).await?;
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

async fn copy_answers(store: &RedisStore, sink: &Sink) -> Result<(), Unavailable> {
    let mut cursor = 0;
    loop {
        let (next, macs) = store.scan_keys(cursor, b"kept-answers:").await?;
        let keys: Vec<_> = macs.iter().map(|mac| store.key(&[b"kept-answers:", mac])).collect();
        let found = macs.into_iter().zip(store.read_keys(&keys).await?);
        let copied =
            found.filter_map(|(mac, answer)| Some(entry("kept-answers", mac, answer.field("record")?)));
        sink.put(copied.collect()).await?;
        cursor = next;
        if cursor == 0 {
            return Ok(());
        }
    }
}

/// Copies a table that has a hash for each publisher.
async fn copy_by_publisher(store: &RedisStore, table: &str, sink: &Sink) -> Result<(), Unavailable> {
    let begin = format!("{table}:");
    let mut cursor = 0;
    loop {
        let (next, publishers) = store.scan_keys(cursor, begin.as_bytes()).await?;
        let keys: Vec<_> = publishers.iter().map(|id| store.key(&[begin.as_bytes(), id])).collect();
        let found = publishers.iter().zip(store.read_keys(&keys).await?);
        let copied = found.flat_map(|(publisher, records)| {
            let records = records.into_fields().into_iter();
            records.map(|(id, record)| entry(table, [publisher.as_slice(), &id].concat(), record))
        });
        sink.put(copied.collect()).await?;
        cursor = next;
        if cursor == 0 {
            return Ok(());
        }
    }
}

async fn copy_answer_index(store: &RedisStore, sink: &Sink) -> Result<(), Unavailable> {
    let mut cursor = 0;
    loop {
        let index = kept_answers_by_end(store);
        let (next, answers) = store.scan_members(&index, MembersOf::SortedSet, cursor).await?;
        let copied = answers.into_iter().map(|(mac, end)| {
            entry("kept-answers-by-end", [end.to_be_bytes().as_slice(), &mac].concat(), [])
        });
        sink.put(copied.collect()).await?;
        cursor = next;
        if cursor == 0 {
            return Ok(());
        }
    }
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

async fn copy_sets(
    store: &RedisStore,
    counts: Counts,
    sink: &Sink,
    findings: &mut Findings,
) -> Result<(), Unavailable> {
    let Counts { sets, redeemed, entries } = counts;
    let numbered: Vec<_> = (0_u32..).zip(&sets).collect();
    let copied = numbered.iter().map(|(ordinal, set)| set.entry(*ordinal));
    sink.put(copied.collect::<Result<Vec<_>, _>>()?).await?;
    sink.put(entries).await?;
    let uncredited = store.read_key(store.key(&[UNCREDITED.as_bytes()])).await?;
    let mut beside = Vec::<BackupEntry>::new();
    for (ordinal, set) in numbered {
        let known = uncredited.clone().into_fields().into_iter().find(|(id, _)| id == set.id.as_bytes());
        let known =
            known.map(|(_, bytes)| record::decode::<Uncredited>(&bytes).map_err(unreadable)).transpose()?;
        let known = known.map_or(0, |known| known.tokens);
        let redeemed = redeemed.get(&set.id).copied().unwrap_or(0) + known;
        let mut more = 0;
        if !set.closed {
            if set.marks != redeemed {
                let what = "it does not count as many marks as tokens of the key were redeemed";
                findings.insert(format!("spent-sets {}: {what}", set.id));
            }
            // Of many keys nothing was redeemed yet, and a walk through empty buckets takes its time.
            let is_empty = set.marks == 0 && redeemed == 0;
            let marks = if is_empty { 0 } else { set.copy(store, ordinal, sink).await? };
            let after = counts::set_again(store, set).await?;
            if after.closed {
                sink.put(vec![after.entry(ordinal)?]).await?;
            }
            // Only as many as were redeemed meanwhile: what is more than that is damage, and stays.
            let since = after.marks.saturating_sub(set.marks);
            more = marks.checked_sub(redeemed).filter(|more| *more <= since).unwrap_or(0);
        }
        if known + more > 0 {
            let record = record::encode(&Uncredited { tokens: known + more }).map_err(unreadable)?;
            beside.push(entry(UNCREDITED, *set.id.as_bytes(), record));
        }
    }
    sink.put(beside).await
}

#[cfg(test)]
mod tests;
