use std::collections::{BTreeMap, BTreeSet};

use data_encoding::HEXLOWER;
use farthing_protocol::{BackupEntry, Day, TokenKeyId};
use farthing_service::backup::{Findings, entry};
use farthing_service::key_day::{key_day, split_key_day};
use farthing_service::record::{self, RecordError};
use farthing_service::redis::{Content, RedisStore};
use farthing_service::unavailable::Unavailable;

use super::super::issued_totals::totals_key;
use super::super::{VERSION, unreadable};
use crate::store::IssuedTotal;

/// Counts that are read at once.
const TOGETHER: usize = 500;

/// The counts, by key and day.
pub(super) type Totals = BTreeMap<(TokenKeyId, Day), IssuedTotal>;

/// Reads every count.
pub(super) async fn read(store: &RedisStore, findings: &mut Findings) -> Result<Totals, Unavailable> {
    let entries = store.read_key(totals_key(store)).await?.into_members();
    let mut totals = Totals::new();
    for some in entries.chunks(TOGETHER) {
        let keys: Vec<_> = some.iter().map(|entry| store.key(&[b"issued-total:", entry])).collect();
        for (entry, found) in some.iter().zip(store.read_keys(&keys).await?) {
            if found == Content::Missing {
                findings.insert(format!("issued-totals {}: its count is gone", HEXLOWER.encode(entry)));
                continue;
            }
            totals.insert(split_key_day(entry).map_err(Unavailable::because)?, total(&found)?);
        }
    }
    Ok(totals)
}

fn total(found: &Content) -> Result<IssuedTotal, Unavailable> {
    let version = found.number("version")?;
    if version > VERSION {
        let found = u8::try_from(version).unwrap_or(u8::MAX);
        return Err(unreadable(RecordError::Newer { kind: "issued total", found, known: 1 }));
    }
    let text = found.field("denomination").and_then(|text| str::from_utf8(text).ok());
    let denomination = text.ok_or_else(|| Unavailable::because("an issued total has no denomination"))?;
    Ok(IssuedTotal {
        denomination: denomination.parse().map_err(Unavailable::because)?,
        tokens: found.number("tokens")?,
        orders: found.number("orders")?,
    })
}

/// The counts that fit the orders which were met: those of before, and what was issued between then and the meeting with
/// each order, as of today. Only as much as was counted meanwhile: what is more than that is damage, and stays.
pub(super) fn settle(
    mut before: Totals,
    after: &Totals,
    issued: &BTreeMap<TokenKeyId, (u64, u64)>,
    today: Day,
) -> Result<Vec<BackupEntry>, Unavailable> {
    let keys: BTreeSet<_> = after.keys().map(|(key, _)| *key).collect();
    for key in keys {
        let (first, last) = (sum(&before, key), sum(after, key));
        let met = issued.get(&key).copied().unwrap_or_default();
        let is_between = first.0 <= met.0 && met.0 <= last.0 && first.1 <= met.1 && met.1 <= last.1;
        if !is_between || met == first {
            continue;
        }
        let denomination = after.iter().find(|((of, _), _)| *of == key).map(|(_, total)| total.denomination);
        if let Some(denomination) = denomination {
            let total =
                before.entry((key, today)).or_insert(IssuedTotal { denomination, tokens: 0, orders: 0 });
            total.tokens += met.0 - first.0;
            total.orders += met.1 - first.1;
        }
    }
    before
        .iter()
        .map(|((key, day), total)| {
            Ok(entry("issued-totals", key_day(*key, *day), record::encode(total).map_err(unreadable)?))
        })
        .collect()
}

fn sum(totals: &Totals, key: TokenKeyId) -> (u64, u64) {
    let of_key = totals.iter().filter(|((of, _), _)| *of == key);
    of_key.fold((0, 0), |sum, (_, total)| (sum.0 + total.tokens, sum.1 + total.orders))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn total(tokens: u64, orders: u64) -> IssuedTotal {
        IssuedTotal { denomination: "EUR-10000".parse().unwrap(), tokens, orders }
    }

    #[test]
    fn what_was_issued_during_the_walk_is_counted_and_damage_is_left() {
        let (key, other) = (TokenKeyId::from_bytes([1; 32]), TokenKeyId::from_bytes([2; 32]));
        let (yesterday, today) = (Day::from_number(20_000).unwrap(), Day::from_number(20_001).unwrap());
        let before = Totals::from([((key, yesterday), total(100, 1)), ((other, yesterday), total(50, 5))]);
        let after = Totals::from([
            ((key, yesterday), total(100, 1)),
            ((key, today), total(300, 3)),
            ((other, yesterday), total(50, 5)),
        ]);
        let issued = BTreeMap::from([(key, (200, 2)), (other, (60, 6))]);
        let settled = settle(before, &after, &issued, today).unwrap();
        let read: Vec<(Vec<u8>, IssuedTotal)> =
            settled.iter().map(|entry| (entry.key.clone(), record::decode(&entry.value).unwrap())).collect();
        let expected = [
            (key_day(key, yesterday), total(100, 1)),
            (key_day(key, today), total(100, 1)),
            (key_day(other, yesterday), total(50, 5)),
        ];
        assert_eq!(read, expected);
    }
}
