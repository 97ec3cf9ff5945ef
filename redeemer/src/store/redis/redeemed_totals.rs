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
        let call = Call::new().key(totals_key(self)).number(VERSION).arg(self.key(&[b"redeemed-total:"]));
        let rows: Vec<(Vec<u8>, String, u64)> = self.run(&READ, call).await?;
        let mut totals = rows
            .into_iter()
            .map(|(entry, denomination, tokens)| {
                let (key, day) = split_key_day(&entry).map_err(Unavailable::because)?;
                let denomination = denomination.parse().map_err(Unavailable::because)?;
                Ok((key, day, RedeemedTotal { denomination, tokens }))
            })
            .collect::<Result<Vec<_>, Unavailable>>()?;
        totals.sort_by_key(|(key, day, _)| (*key, *day));
        Ok(totals)
    }
}
