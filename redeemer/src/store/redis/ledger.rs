use async_trait::async_trait;
use farthing_api::BalanceEntry;
use farthing_protocol::{Day, Denomination};
use farthing_service::redis::{Call, RedisStore, Script};
use farthing_service::redis_script;
use farthing_service::unavailable::Unavailable;

use super::VERSION;
use crate::publishers::PublisherId;
use crate::redemption::sum_by_currency;
use crate::store::Ledger;

static BALANCE: Script = redis_script!("scripts/balance.lua");

/// A set: the days and denominations in which a publisher was credited.
pub(super) fn credit_entries(store: &RedisStore, publisher: PublisherId) -> Vec<u8> {
    store.key(&[b"credit-entries:", publisher.as_bytes()])
}

/// A day's number, 4 bytes big-endian, and a denomination as text.
pub(super) fn credit_entry(day: Day, denomination: Denomination) -> Vec<u8> {
    [day.number().to_be_bytes().as_slice(), denomination.to_string().as_bytes()].concat()
}

/// A hash with the fields `version`, `denomination` and `tokens`.
pub(super) fn credit_key(store: &RedisStore, publisher: PublisherId, entry: &[u8]) -> Vec<u8> {
    store.key(&[b"credits:", publisher.as_bytes(), entry])
}

#[async_trait]
impl Ledger for RedisStore {
    async fn balance(&self, publisher: PublisherId) -> Result<Vec<BalanceEntry>, Unavailable> {
        let mut credits: Vec<(String, u64)> = Vec::new();
        for group in self.groups() {
            let call = Call::new()
                .key(credit_entries(&group, publisher))
                .number(VERSION)
                .arg(credit_key(&group, publisher, b""));
            credits.extend(group.run::<Vec<_>>(&BALANCE, call).await?);
        }
        let amounts = credits
            .iter()
            .map(|(text, tokens)| {
                let denomination: Denomination = text.parse().map_err(Unavailable::because)?;
                Ok((denomination.currency().code(), denomination.value_micros().get(), *tokens))
            })
            .collect::<Result<Vec<_>, Unavailable>>()?;
        sum_by_currency(amounts).map_err(Unavailable::because)
    }
}
