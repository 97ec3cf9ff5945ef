use async_trait::async_trait;
use farthing_protocol::{Day, TokenKeyId};
use farthing_service::embedded::{EmbeddedStore, Fault, Table, open, table};
use farthing_service::key_day::{key_day, split_key_day};
use farthing_service::record;
use farthing_service::unavailable::Unavailable;
use redb::{ReadableTable, WriteTransaction};

use crate::orders::OrderedPack;
use crate::store::{IssuedTotal, IssuedTotals};

/// A token key's day: issued total.
const ISSUED: Table = table("issued-totals");

#[async_trait]
impl IssuedTotals for EmbeddedStore {
    async fn totals(&self) -> Result<Vec<(TokenKeyId, Day, IssuedTotal)>, Unavailable> {
        self.read(|transaction| {
            let Some(table) = open(transaction, ISSUED)? else { return Ok(Vec::new()) };
            table
                .iter()?
                .map(|entry| {
                    let (key, total) = entry?;
                    let (id, day) = split_key_day(key.value())?;
                    Ok((id, day, record::decode(total.value())?))
                })
                .collect()
        })
        .await
    }
}

/// Adds an order to the count of its key and day.
pub(super) fn count(
    transaction: &WriteTransaction,
    key: TokenKeyId,
    day: Day,
    pack: &OrderedPack,
) -> Result<(), Fault> {
    let entry = key_day(key, day);
    let mut table = transaction.open_table(ISSUED)?;
    let before: Option<IssuedTotal> =
        table.get(entry.as_slice())?.map(|bytes| record::decode(bytes.value())).transpose()?;
    let before = before.unwrap_or(IssuedTotal { denomination: pack.denomination, tokens: 0, orders: 0 });
    let after =
        IssuedTotal { tokens: before.tokens + u64::from(pack.count), orders: before.orders + 1, ..before };
    table.insert(entry.as_slice(), record::encode(&after)?.as_slice())?;
    Ok(())
}
