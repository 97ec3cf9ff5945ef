use std::collections::BTreeMap;

use async_trait::async_trait;
use farthing_protocol::{Day, TokenKeyId};
use farthing_service::key_day::{key_day, split_key_day};
use farthing_service::redis::{Call, RedisStore, Script};
use farthing_service::redis_script;
use farthing_service::unavailable::Unavailable;

use super::VERSION;
use crate::store::{RedeemedTotal, RedeemedTotals};

static READ: Script = redis_script!("scripts/redeemed_totals_read.lua");

/// A set: the keys' days that counted anything.
pub(super) fn totals_key(store: &RedisStore) -> Vec<u8> {
    store.key(&[b"redeemed-totals"])
}

/// A hash with the fields `version`, `denomination` and `tokens`.
pub(super) fn total_key(store: &RedisStore, key: TokenKeyId, day: Day) -> Vec<u8> {
    store.key(&[b"redeemed-total:", &key_day(key, day)])
}

#[async_trait]
impl RedeemedTotals for RedisStore {
    async fn totals(&self) -> Result<Vec<(TokenKeyId, Day, RedeemedTotal)>, Unavailable> {
        let mut totals: BTreeMap<(TokenKeyId, Day), RedeemedTotal> = BTreeMap::new();
        for group in self.groups() {
            let call =
                Call::new().key(totals_key(&group)).number(VERSION).arg(group.key(&[b"redeemed-total:"]));
            let rows: Vec<(Vec<u8>, String, u64)> = group.run(&READ, call).await?;
            for (entry, denomination, tokens) in rows {
                let key_day = split_key_day(&entry).map_err(Unavailable::because)?;
                let denomination = denomination.parse().map_err(Unavailable::because)?;
                let total = totals.entry(key_day).or_insert(RedeemedTotal { denomination, tokens: 0 });
                total.tokens = total
                    .tokens
                    .checked_add(tokens)
                    .ok_or_else(|| Unavailable::because("a total does not fit into 64 bits"))?;
            }
        }
        Ok(totals.into_iter().map(|((key, day), total)| (key, day, total)).collect())
    }
}
