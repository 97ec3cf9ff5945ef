use async_trait::async_trait;
use farthing_protocol::{Day, TokenKeyId};
use farthing_service::key_day::{key_day, split_key_day};
use farthing_service::redis::{Call, RedisStore, Script};
use farthing_service::redis_script;
use farthing_service::unavailable::Unavailable;

use super::VERSION;
use crate::store::{IssuedTotal, IssuedTotals};

static READ: Script = redis_script!("scripts/issued_totals_read.lua");

/// A set: the keys' days that counted anything.
pub(super) fn totals_key(store: &RedisStore) -> Vec<u8> {
    store.key(&[b"issued-totals"])
}

/// A hash with the fields `version`, `denomination`, `tokens` and `orders`.
pub(super) fn total_key(store: &RedisStore, key: TokenKeyId, day: Day) -> Vec<u8> {
    store.key(&[b"issued-total:", &key_day(key, day)])
}

#[async_trait]
impl IssuedTotals for RedisStore {
    async fn totals(&self) -> Result<Vec<(TokenKeyId, Day, IssuedTotal)>, Unavailable> {
        let call = Call::new().key(totals_key(self)).number(VERSION).arg(self.key(&[b"issued-total:"]));
        let rows: Vec<(Vec<u8>, String, u64, u64)> = self.run(&READ, call).await?;
        let mut totals = rows
            .into_iter()
            .map(|(entry, denomination, tokens, orders)| {
                let (key, day) = split_key_day(&entry).map_err(Unavailable::because)?;
                let denomination = denomination.parse().map_err(Unavailable::because)?;
                Ok((key, day, IssuedTotal { denomination, tokens, orders }))
            })
            .collect::<Result<Vec<_>, Unavailable>>()?;
        totals.sort_by_key(|(key, day, _)| (*key, *day));
        Ok(totals)
    }
}
