use async_trait::async_trait;
use farthing_protocol::{Day, TokenKeyId};
use farthing_service::embedded::{EmbeddedStore, Fault, Table, open, table};
use farthing_service::key_day::{key_day, split_key_day};
use farthing_service::record;
use farthing_service::unavailable::Unavailable;
use redb::{ReadableTable, WriteTransaction};

use crate::redemption::KeyFacts;
use crate::store::{RedeemedTotal, RedeemedTotals};

/// A token key's day: redeemed total.
const REDEEMED: Table = table("redeemed-totals");

#[async_trait]
impl RedeemedTotals for EmbeddedStore {
    async fn totals(&self) -> Result<Vec<(TokenKeyId, Day, RedeemedTotal)>, Unavailable> {
        self.read(|transaction| {
            let Some(table) = open(transaction, REDEEMED)? else { return Ok(Vec::new()) };
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

/// Adds tokens of several keys to the counts of a day.
pub(super) fn count<'a>(
    transaction: &WriteTransaction,
    day: Day,
    counts: impl Iterator<Item = (&'a KeyFacts, u64)>,
) -> Result<(), Fault> {
    let mut table = transaction.open_table(REDEEMED)?;
    for (key, tokens) in counts.filter(|(_, tokens)| *tokens > 0) {
        let entry = key_day(key.id, day);
        let before: Option<RedeemedTotal> =
            table.get(entry.as_slice())?.map(|bytes| record::decode(bytes.value())).transpose()?;
        let before = before.map_or(0, |total| total.tokens);
        let tokens = before.checked_add(tokens).ok_or_else(|| Fault::because("a total overflows"))?;
        let after = RedeemedTotal { denomination: key.denomination, tokens };
        table.insert(entry.as_slice(), record::encode(&after)?.as_slice())?;
    }
    Ok(())
}
