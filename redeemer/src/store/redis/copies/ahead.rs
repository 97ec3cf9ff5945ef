//! Marks and kept answers by the names of their keys: what is copied while a store is being moved.

use std::collections::{HashMap, HashSet};

use farthing_protocol::{BackupEntry, TokenKeyId};
use farthing_service::backup::entry;
use farthing_service::redis::{Content, RedisStore};
use farthing_service::unavailable::Unavailable;
use farthing_service::{pinned_keys, record};

use super::super::spent_sets::{spent_set, spent_sets};
use super::super::unreadable;
use super::marks::OnRedis;
use crate::store::backup_records::SpentSet;

/// What is under these keys, and before it the token keys and sets that the marks belong to.
pub async fn read(store: &RedisStore, names: Vec<Vec<u8>>) -> Result<Vec<BackupEntry>, Unavailable> {
    let keys: Vec<_> = names.iter().map(|name| store.key(&[name])).collect();
    // First: a token key is pinned, and has its set, before any token of it is marked.
    let contents = store.read_keys(&keys).await?;
    let (mut entries, sets) = presupposed(store).await?;
    for (name, content) in names.into_iter().zip(contents) {
        if let Some(mac) = name.strip_prefix(b"kept-answers:") {
            entries.extend(content.field("record").map(|record| entry("kept-answers", mac, record)));
        } else if let Some(bucket) = name.strip_prefix(b"marks:") {
            let (ordinal, bucket) = place(bucket)?;
            // A set that is gone is found when the stores are compared.
            let Some((number, set)) = sets.get(&ordinal) else { continue };
            for (field, _) in content.into_fields() {
                entries.push(set.mark(*number, bucket, &field)?);
            }
        }
    }
    Ok(entries)
}

/// Token keys and sets; and the sets by their ordinals here, each with the one that it has in copies.
async fn presupposed(
    store: &RedisStore,
) -> Result<(Vec<BackupEntry>, HashMap<u64, (u32, OnRedis)>), Unavailable> {
    let mut entries = pinned_keys::copy_from_redis(store).await?;
    let pinned: HashSet<Vec<u8>> = entries.iter().map(|pin| pin.key.clone()).collect();
    let ids = store.read_key(spent_sets(store)).await?.into_members().into_iter();
    let ids =
        ids.map(|id| Ok(TokenKeyId::from_bytes(id.as_slice().try_into().map_err(Unavailable::because)?)));
    let ids = ids.collect::<Result<Vec<_>, Unavailable>>()?;
    let keys: Vec<_> = ids.iter().map(|id| spent_set(store, id)).collect();
    let mut sets = Vec::new();
    for (id, found) in ids.into_iter().zip(store.read_keys(&keys).await?) {
        if found != Content::Missing {
            sets.push(OnRedis::read(store, id, &found)?);
        }
    }
    sets.sort_by_key(OnRedis::place);
    let mut by_ordinal = HashMap::new();
    for (number, set) in (0_u32..).zip(sets) {
        // One that is not pinned yet has no marks, and how it is divided follows from the pin.
        if pinned.contains(set.id.as_bytes().as_slice()) {
            entries.push(entry_of(&set, number)?);
            by_ordinal.insert(set.place(), (number, set));
        }
    }
    Ok((entries, by_ordinal))
}

fn entry_of(set: &OnRedis, ordinal: u32) -> Result<BackupEntry, Unavailable> {
    let OnRedis { redeem_until, closed, .. } = *set;
    let record = record::encode(&SpentSet { ordinal, redeem_until, closed }).map_err(unreadable)?;
    Ok(entry("spent-sets", *set.id.as_bytes(), record))
}

/// The ordinal and the bucket in the name of a bucket.
fn place(name: &[u8]) -> Result<(u64, u32), Unavailable> {
    let place = str::from_utf8(name).ok().and_then(|name| name.split_once(':'));
    let numbers = place.and_then(|(ordinal, bucket)| Some((ordinal.parse().ok()?, bucket.parse().ok()?)));
    numbers.ok_or_else(|| Unavailable::because("a bucket of marks has no number"))
}
