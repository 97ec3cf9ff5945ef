//! What was redeemed and credited, and what each set counts, as of one moment.

use std::collections::BTreeMap;

use data_encoding::HEXLOWER;
use farthing_protocol::{BackupEntry, Day, Denomination, TokenKeyId};
use farthing_service::backup::{Findings, entry};
use farthing_service::key_day::split_key_day;
use farthing_service::record::{self, RecordError};
use farthing_service::redis::{Content, RedisStore};
use farthing_service::unavailable::Unavailable;

use super::super::ledger::{credit_entries, credit_key};
use super::super::redeemed_totals::totals_key;
use super::super::spent_sets::{self, spent_set};
use super::super::{VERSION, unreadable};
use super::marks::OnRedis;
use crate::publishers::PublisherId;
use crate::store::RedeemedTotal;
use crate::store::backup_records::Credit;

/// Counts of past days that are read at once.
const TOGETHER: usize = 500;
/// How often it is tried anew because a key, a publisher or a day has come up meanwhile.
const TRIES: usize = 16;

/// What is counted at a moment.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) sets: Vec<OnRedis>,
    /// Tokens redeemed, by key.
    pub(super) redeemed: BTreeMap<TokenKeyId, u64>,
    /// Totals and credits.
    pub(super) entries: Vec<BackupEntry>,
}

/// The names of all counts.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Names {
    sets: Vec<Vec<u8>>,
    totals: Vec<Vec<u8>>,
    credits: Vec<(PublisherId, Vec<Vec<u8>>)>,
}

/// What is counted at a moment. Counts of days before yesterday change no more and are read at leisure; those of yesterday
/// and today are read together with the sets, in one script.
pub(super) async fn at_one_moment(
    store: &RedisStore,
    today: Day,
    findings: &mut Findings,
) -> Result<Counts, Unavailable> {
    let moving = today.number().saturating_sub(1);
    let mut names = names(store).await?;
    for _ in 0..TRIES {
        let sets: Vec<_> = names.sets.iter().map(|id| store.key(&[b"spent-set:", id])).collect();
        let (past, now): (Vec<Count>, Vec<Count>) =
            names.counts(store).into_iter().partition(|count| count.day < moving);
        let mut keys = index_keys(store, &names);
        let indexes = keys.len();
        keys.extend(sets);
        keys.extend(now.iter().map(|count| count.key.clone()));
        let mut contents = store.read_keys(&keys).await?;
        let rest = contents.split_off(indexes);
        let found = names_of(contents, &names)?;
        if found != names {
            names = self::names(store).await?;
            continue;
        }
        let (sets, moving) = rest.split_at(names.sets.len());
        let mut counts = Counts::default();
        for (id, set) in names.sets.iter().zip(sets) {
            let id = TokenKeyId::from_bytes(id.as_slice().try_into().map_err(Unavailable::because)?);
            if *set == Content::Missing {
                findings.insert(format!("spent-sets {id}: its set is gone"));
            } else {
                counts.sets.push(OnRedis::read(id, set)?);
            }
        }
        for (count, found) in now.iter().zip(moving) {
            counts.add(count, found, findings)?;
        }
        for some in past.chunks(TOGETHER) {
            let keys: Vec<_> = some.iter().map(|count| count.key.clone()).collect();
            for (count, found) in some.iter().zip(store.read_keys(&keys).await?) {
                counts.add(count, &found, findings)?;
            }
        }
        counts.sets.sort_by_key(OnRedis::place);
        return Ok(counts);
    }
    Err(Unavailable::because("token keys or publishers kept coming up"))
}

/// The state of one set, later.
pub(super) async fn set_again(store: &RedisStore, set: &OnRedis) -> Result<OnRedis, Unavailable> {
    OnRedis::read(set.id, &store.read_key(spent_set(store, &set.id)).await?)
}

/// A count by its name.
struct Count {
    key: Vec<u8>,
    day: u32,
    /// The table and key in a backup.
    table: &'static str,
    entry: Vec<u8>,
}

impl Names {
    fn counts(&self, store: &RedisStore) -> Vec<Count> {
        let totals = self.totals.iter().map(|entry| Count {
            key: store.key(&[b"redeemed-total:", entry]),
            day: day_at(entry, 32),
            table: "redeemed-totals",
            entry: entry.clone(),
        });
        let credits = self.credits.iter().flat_map(|(publisher, entries)| {
            entries.iter().map(|entry| Count {
                key: credit_key(store, *publisher, entry),
                day: day_at(entry, 0),
                table: "credits",
                entry: [publisher.as_bytes().as_slice(), entry].concat(),
            })
        });
        totals.chain(credits).collect()
    }
}

impl Counts {
    fn add(&mut self, count: &Count, found: &Content, findings: &mut Findings) -> Result<(), Unavailable> {
        if *found == Content::Missing {
            findings.insert(format!("{} {}: its count is gone", count.table, HEXLOWER.encode(&count.entry)));
            return Ok(());
        }
        let version = found.number("version")?;
        if version > VERSION {
            let kind = if count.table == "credits" { "credit" } else { "redeemed total" };
            let found = u8::try_from(version).unwrap_or(u8::MAX);
            return Err(unreadable(RecordError::Newer { kind, found, known: 1 }));
        }
        let tokens = found.number("tokens")?;
        let text = found.field("denomination").and_then(|text| str::from_utf8(text).ok()).unwrap_or_default();
        let denomination: Denomination = text.parse().map_err(Unavailable::because)?;
        let record = if count.table == "credits" {
            record::encode(&Credit { denomination, tokens })
        } else {
            let (id, _) = split_key_day(&count.entry).map_err(Unavailable::because)?;
            *self.redeemed.entry(id).or_default() += tokens;
            record::encode(&RedeemedTotal { denomination, tokens })
        };
        self.entries.push(entry(count.table, count.entry.clone(), record.map_err(unreadable)?));
        Ok(())
    }
}

/// The number of the day that stands there; beyond all days where none does, so that it is read with those of today.
fn day_at(entry: &[u8], at: usize) -> u32 {
    let bytes = entry.get(at..at + 4).and_then(|day| <[u8; 4]>::try_from(day).ok());
    bytes.map_or(u32::MAX, u32::from_be_bytes)
}

async fn names(store: &RedisStore) -> Result<Names, Unavailable> {
    let publishers = store.read_key(store.key(&[b"publishers"])).await?.into_fields();
    let mut ids = publishers
        .into_iter()
        .map(|(id, _)| Ok(PublisherId::from_bytes(id.as_slice().try_into().map_err(Unavailable::because)?)))
        .collect::<Result<Vec<_>, Unavailable>>()?;
    ids.sort_by_key(|id| *id.as_bytes());
    let credits = ids.into_iter().map(|id| (id, Vec::new())).collect();
    let empty = Names { sets: Vec::new(), totals: Vec::new(), credits };
    let contents = store.read_keys(&index_keys(store, &empty)).await?;
    names_of(contents, &empty)
}

/// The keys of the indexes of counts.
fn index_keys(store: &RedisStore, names: &Names) -> Vec<Vec<u8>> {
    let credits = names.credits.iter().map(|(publisher, _)| credit_entries(store, *publisher));
    [spent_sets::spent_sets(store), totals_key(store), store.key(&[b"publishers"])]
        .into_iter()
        .chain(credits)
        .collect()
}

/// The names that the indexes have; those of the publishers that `of` has, and of those that came up since nothing.
fn names_of(contents: Vec<Content>, of: &Names) -> Result<Names, Unavailable> {
    let mut contents = contents.into_iter();
    let mut next = || contents.next().unwrap_or(Content::Missing);
    let (sets, totals) = (next().into_members(), next().into_members());
    let publishers = next().into_fields();
    let mut credits: Vec<_> =
        of.credits.iter().map(|(publisher, _)| (*publisher, next().into_members())).collect();
    for (id, _) in publishers {
        let id = PublisherId::from_bytes(id.as_slice().try_into().map_err(Unavailable::because)?);
        if !credits.iter().any(|(known, _)| *known == id) {
            credits.push((id, Vec::new()));
        }
    }
    Ok(Names { sets, totals, credits })
}
