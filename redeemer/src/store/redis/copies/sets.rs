//! The sets of spent tokens of all groups, as a copy takes them: one of each key.

use std::collections::{BTreeMap, BTreeSet};

use farthing_protocol::{BackupEntry, TokenKeyId};
use farthing_service::backup::{Findings, Sink, entry};
use farthing_service::record;
use farthing_service::redis::{Content, RedisStore};
use farthing_service::unavailable::Unavailable;

use super::super::spent_sets::spent_set;
use super::super::unreadable;
use super::counts::Counts;
use super::marks::OnRedis;
use super::place;
use crate::store::backup_records::{SpentSet, UNCREDITED, Uncredited};

/// A key's set, in each group that has one.
struct Set {
    id: TokenKeyId,
    parts: Vec<OnRedis>,
}

/// What was met in a set.
#[derive(Default)]
struct Met {
    marks: u64,
    /// How many more than when everything was counted the groups count now.
    since: u64,
    /// Whether it was closed meanwhile, so that its marks may have been on their way out.
    closed: bool,
}

/// Sends sets, totals and credits, then the marks, and how many of these are of tokens that were not counted.
pub(super) async fn copy(
    store: &RedisStore,
    counts: Counts,
    pinned: &[BackupEntry],
    sink: &Sink,
    findings: &mut Findings,
) -> Result<(), Unavailable> {
    let sets = in_all_groups(store, &counts, pinned, findings).await?;
    let numbered: Vec<_> = (0_u32..).zip(sets).collect();
    let copied = numbered.iter().map(|(ordinal, set)| set.entry(*ordinal, set.closed()));
    sink.put(copied.collect::<Result<Vec<_>, _>>()?).await?;
    sink.put(counts.entries()?).await?;
    let uncredited = uncredited(store).await?;
    let mut beside = Vec::new();
    for (ordinal, set) in numbered {
        let known = uncredited.get(&set.id).copied().unwrap_or(0);
        let redeemed = counts.redeemed.get(&set.id).copied().unwrap_or(0) + known;
        let counted = counts.marks.get(&set.id);
        let mut more = 0;
        if !set.closed() {
            if counted.map_or(0, |marks| marks.values().sum()) != redeemed {
                let what = "it does not count as many marks as tokens of the key were redeemed";
                findings.insert(format!("spent-sets {}: {what}", set.id));
            }
            let met = set.copy(ordinal, redeemed, counted, sink, findings).await?;
            if met.closed {
                sink.put(vec![set.entry(ordinal, true)?]).await?;
            }
            // Only as many as were redeemed meanwhile: what is more than that is damage, and stays.
            more = met.marks.checked_sub(redeemed).filter(|more| *more <= met.since).unwrap_or(0);
        }
        if known + more > 0 {
            let record = record::encode(&Uncredited { tokens: known + more }).map_err(unreadable)?;
            beside.push(entry(UNCREDITED, *set.id.as_bytes(), record));
        }
    }
    sink.put(beside).await
}

/// The sets of all keys that any group counts for, as they are now, in the order in which they were opened. A redemption
/// that one group has counted may have opened sets, or filled empty ones, where another was counted before.
async fn in_all_groups(
    store: &RedisStore,
    counts: &Counts,
    pinned: &[BackupEntry],
    findings: &mut Findings,
) -> Result<Vec<Set>, Unavailable> {
    let ids: Vec<_> = counts.marks.keys().copied().collect();
    let pinned: BTreeSet<_> = pinned.iter().map(|entry| entry.key.as_slice()).collect();
    let mut sets: Vec<_> = ids.iter().map(|id| Set { id: *id, parts: Vec::new() }).collect();
    for group in store.groups() {
        let keys: Vec<_> = ids.iter().map(|id| spent_set(&group, id)).collect();
        for (set, found) in sets.iter_mut().zip(group.read_keys(&keys).await?) {
            if found != Content::Missing {
                set.parts.push(OnRedis::read(&group, set.id, &found)?);
            } else if pinned.contains(set.id.as_bytes().as_slice()) {
                let what = "the token key is known, and has no spent set there";
                findings.insert(format!("spent-sets {}{}: {what}", set.id, place(&group)));
            }
        }
    }
    sets.retain(|set| !set.parts.is_empty());
    sets.sort_by_key(|set| set.parts.iter().map(OnRedis::place).min());
    Ok(sets)
}

/// How many marks were without credit when the store was restored.
async fn uncredited(store: &RedisStore) -> Result<BTreeMap<TokenKeyId, u64>, Unavailable> {
    let known = store.read_key(store.key(&[UNCREDITED.as_bytes()])).await?.into_fields();
    let known = known.into_iter().map(|(id, bytes)| {
        let id = TokenKeyId::from_bytes(id.as_slice().try_into().map_err(Unavailable::because)?);
        let Uncredited { tokens } = record::decode(&bytes).map_err(unreadable)?;
        Ok((id, tokens))
    });
    known.collect()
}

impl Set {
    /// Closed in one group, it takes no token that lies in several any more, and will be closed in all.
    fn closed(&self) -> bool {
        self.parts.iter().any(|part| part.closed)
    }

    /// The set in a backup, where sets are numbered anew.
    fn entry(&self, ordinal: u32, closed: bool) -> Result<BackupEntry, Unavailable> {
        let ends = self.parts.iter().map(|part| part.redeem_until).max();
        let redeem_until = ends.ok_or_else(|| Unavailable::because("a spent set is in no group"))?;
        let set = SpentSet { ordinal, redeem_until, closed };
        Ok(entry("spent-sets", *self.id.as_bytes(), record::encode(&set).map_err(unreadable)?))
    }

    /// Sends the marks of all groups.
    async fn copy(
        &self,
        ordinal: u32,
        redeemed: u64,
        counted: Option<&BTreeMap<usize, u64>>,
        sink: &Sink,
        findings: &mut Findings,
    ) -> Result<Met, Unavailable> {
        let mut met = Met::default();
        for part in &self.parts {
            // Of many keys nothing was redeemed yet, and a walk through empty buckets takes its time.
            let is_empty = part.marks == 0 && redeemed == 0;
            let marks = if is_empty { 0 } else { part.copy(ordinal, sink).await? };
            let after = part.again().await?;
            if !after.closed && !is_empty && !(part.marks..=after.marks).contains(&marks) {
                let what = if marks < part.marks { "fewer" } else { "more" };
                let place = place(&part.group);
                findings.insert(format!("spent-sets {}{place}: it has {what} marks than it counts", self.id));
            }
            met.marks += marks;
            let before = counted.and_then(|counted| counted.get(&part.group.group())).copied().unwrap_or(0);
            met.since += after.marks.saturating_sub(before);
            met.closed |= after.closed;
        }
        Ok(met)
    }
}
