use async_trait::async_trait;
use farthing_protocol::{Day, TokenKeyId};
use farthing_service::embedded::{EmbeddedStore, Fault, Table, open, table};
use farthing_service::record;
use farthing_service::unavailable::Unavailable;
use redb::{ReadableTable, WriteTransaction};

use crate::redemption::KeyFacts;
use crate::store::{RedeemedTotal, RedeemedTotals};

/// Token key id, 32 bytes, and the day's number, 4 bytes big-endian: redeemed total.
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
                    let (id, day) = split(key.value())?;
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
        let entry = [key.id.as_bytes().as_slice(), &day.number().to_be_bytes()].concat();
        let before: Option<RedeemedTotal> =
            table.get(entry.as_slice())?.map(|bytes| record::decode(bytes.value())).transpose()?;
        let before = before.map_or(0, |total| total.tokens);
        let tokens = before.checked_add(tokens).ok_or_else(|| Fault::because("a total overflows"))?;
        let after = RedeemedTotal { denomination: key.denomination, tokens };
        table.insert(entry.as_slice(), record::encode(&after)?.as_slice())?;
    }
    Ok(())
}

fn split(entry: &[u8]) -> Result<(TokenKeyId, Day), Fault> {
    let malformed = || Fault::because("a redeemed total has a malformed key");
    let (id, day) = entry.split_first_chunk::<32>().ok_or_else(malformed)?;
    let number = u32::from_be_bytes(day.try_into().map_err(|_| malformed())?);
    Ok((TokenKeyId::from_bytes(*id), Day::from_number(number).ok_or_else(malformed)?))
}
