//! What was redeemed and credited, and what each set counts: in each group as of one moment, and added up over all groups.

use std::collections::BTreeMap;

use data_encoding::HEXLOWER;
use farthing_protocol::{BackupEntry, Day, Denomination, TokenKeyId};
use farthing_service::backup::{Findings, entry};
use farthing_service::key_day::split_key_day;
use farthing_service::record::{self, RecordError};
use farthing_service::redis::{Content, RedisStore};
use farthing_service::unavailable::Unavailable;

use super::super::spent_sets::spent_set;
use super::super::{VERSION, unreadable};
use super::marks::OnRedis;
use super::names::Names;
use super::place;
use crate::store::RedeemedTotal;
use crate::store::backup_records::Credit;

/// Counts of past days that are read at once.
const TOGETHER: usize = 500;
/// How often it is tried anew because a key, a publisher or a day has come up meanwhile.
const TRIES: usize = 16;

/// What is counted.
#[derive(Default)]
pub(super) struct Counts {
    /// How many marks the sets counted, by key and group.
    pub(super) marks: BTreeMap<TokenKeyId, BTreeMap<usize, u64>>,
    /// Tokens redeemed, by key.
    pub(super) redeemed: BTreeMap<TokenKeyId, u64>,
    /// Totals and credits, by table and key.
    tokens: BTreeMap<(&'static str, Vec<u8>), (Denomination, u64)>,
}

impl Counts {
    /// Adds what a group counts at a moment. Counts of days before yesterday change no more and are read at leisure; those of
    /// yesterday and today are read together with the sets, in one script.
    pub(super) async fn read(
        &mut self,
        group: &RedisStore,
        today: Day,
        findings: &mut Findings,
    ) -> Result<(), Unavailable> {
        let moving = today.number().saturating_sub(1);
        for _ in 0..TRIES {
            let names = Names::read(group).await?;
            let (past, now): (Vec<Count>, Vec<Count>) =
                names.counts(group).into_iter().partition(|count| count.day < moving);
            let mut keys = names.index_keys(group);
            let indexes = keys.len();
            keys.extend(names.sets.iter().map(|id| spent_set(group, id)));
            keys.extend(now.iter().map(|count| count.key.clone()));
            let mut contents = group.read_keys(&keys).await?;
            let rest = contents.split_off(indexes);
            if !names.are_still(group, contents).await? {
                continue;
            }
            let (sets, moving) = rest.split_at(names.sets.len());
            for (id, set) in names.sets.iter().zip(sets) {
                if *set == Content::Missing {
                    findings.insert(format!("spent-sets {id}{}: its set is gone", place(group)));
                } else {
                    let marks = OnRedis::read(group, *id, set)?.marks;
                    self.marks.entry(*id).or_default().insert(group.group(), marks);
                }
            }
            for (count, found) in now.iter().zip(moving) {
                self.add(group, count, found, findings)?;
            }
            for some in past.chunks(TOGETHER) {
                let keys: Vec<_> = some.iter().map(|count| count.key.clone()).collect();
                for (count, found) in some.iter().zip(group.read_keys(&keys).await?) {
                    self.add(group, count, &found, findings)?;
                }
            }
            return Ok(());
        }
        Err(Unavailable::because("token keys or publishers kept coming up"))
    }

    fn add(
        &mut self,
        group: &RedisStore,
        count: &Count,
        found: &Content,
        findings: &mut Findings,
    ) -> Result<(), Unavailable> {
        let Count { table, entry, .. } = count;
        let mut find = |what: &str| {
            let (key, place) = (HEXLOWER.encode(entry), place(group));
            findings.insert(format!("{table} {key}{place}: {what}"));
        };
        if *found == Content::Missing {
            find("its count is gone");
            return Ok(());
        }
        let version = found.number("version")?;
        if version > VERSION {
            let kind = if *table == CREDITS { "credit" } else { "redeemed total" };
            let found = u8::try_from(version).unwrap_or(u8::MAX);
            return Err(unreadable(RecordError::Newer { kind, found, known: 1 }));
        }
        let tokens = found.number("tokens")?;
        let text = found.field("denomination").and_then(|text| str::from_utf8(text).ok()).unwrap_or_default();
        let denomination: Denomination = text.parse().map_err(Unavailable::because)?;
        if *table == TOTALS {
            let (id, _) = split_key_day(entry).map_err(Unavailable::because)?;
            add(self.redeemed.entry(id).or_default(), tokens)?;
        }
        let (known, sum) = self.tokens.entry((table, entry.clone())).or_insert((denomination, 0));
        if *known != denomination {
            find("its tokens are not worth the same in each group");
        }
        add(sum, tokens)
    }

    /// Totals and credits as a backup has them.
    pub(super) fn entries(&self) -> Result<Vec<BackupEntry>, Unavailable> {
        let entries = self.tokens.iter().map(|((table, key), (denomination, tokens))| {
            let (denomination, tokens) = (*denomination, *tokens);
            let record = if *table == CREDITS {
                record::encode(&Credit { denomination, tokens })
            } else {
                record::encode(&RedeemedTotal { denomination, tokens })
            };
            Ok(entry(table, key.clone(), record.map_err(unreadable)?))
        });
        entries.collect()
    }
}

fn add(sum: &mut u64, tokens: u64) -> Result<(), Unavailable> {
    *sum =
        sum.checked_add(tokens).ok_or_else(|| Unavailable::because("a count does not fit into 64 bits"))?;
    Ok(())
}

/// The table of credits in a backup.
pub(super) const CREDITS: &str = "credits";
/// The table of totals in a backup.
pub(super) const TOTALS: &str = "redeemed-totals";

/// A count by its name.
pub(super) struct Count {
    /// In Redis.
    pub(super) key: Vec<u8>,
    /// The number of its day.
    pub(super) day: u32,
    /// The table in a backup: [`CREDITS`] or [`TOTALS`].
    pub(super) table: &'static str,
    /// The key there.
    pub(super) entry: Vec<u8>,
}
