use async_trait::async_trait;
use farthing_protocol::{Day, Denomination};
use farthing_service::embedded::{EmbeddedStore, Fault, Table, open, table};
use farthing_service::record::{self, Record};
use farthing_service::unavailable::Unavailable;
use redb::{ReadableTable, WriteTransaction};
use serde::{Deserialize, Serialize};

use super::publishers;
use crate::ledger::{Adjustment, CreditLine, Entries};
use crate::publishers::PublisherId;
use crate::store::{Adjusted, Ledger};

/// Publisher's id, 16 bytes, the day's number, 4 bytes big-endian, and the denomination as text: credit.
const CREDITS: Table = table("credits");
/// Publisher's id, 16 bytes, and the adjustment's, 16 bytes: adjustment.
const ADJUSTMENTS: Table = table("adjustments");

/// What a publisher was credited on one day in one denomination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Credit {
    /// The denomination, so that the record speaks for itself.
    denomination: Denomination,
    /// Tokens.
    tokens: u64,
}

impl Record for Credit {
    const KIND: &'static str = "credit";
    const VERSION: u8 = 1;
}

#[async_trait]
impl Ledger for EmbeddedStore {
    async fn entries(&self, publisher: PublisherId) -> Result<Entries, Unavailable> {
        self.read(move |transaction| {
            let credits = open(transaction, CREDITS)?
                .map_or_else(|| Ok(Vec::new()), |table| credits_of(&table, publisher))?;
            let adjustments = open(transaction, ADJUSTMENTS)?
                .map_or_else(|| Ok(Vec::new()), |table| records_of(&table, publisher))?;
            Entries::of(credits, adjustments).map_err(Fault::because)
        })
        .await
    }

    /// What can be read here is durable.
    async fn confirmed_entries(&self, publisher: PublisherId) -> Result<Entries, Unavailable> {
        self.entries(publisher).await
    }

    async fn adjust(&self, adjustment: Adjustment) -> Result<Adjusted, Unavailable> {
        self.write(move |transaction| {
            if !publishers::exists(transaction, adjustment.publisher)? {
                return Ok(Adjusted::UnknownPublisher);
            }
            let key = [adjustment.publisher.as_bytes().as_slice(), adjustment.id.as_bytes()].concat();
            let mut table = transaction.open_table(ADJUSTMENTS)?;
            if let Some(bytes) = table.get(key.as_slice())? {
                return Ok(Adjusted::Kept(record::decode(bytes.value())?));
            }
            table.insert(key.as_slice(), record::encode(&adjustment)?.as_slice())?;
            Ok(Adjusted::Done)
        })
        .await
    }
}

/// A publisher's entries as they are in a transaction that writes.
pub(super) fn entries(transaction: &WriteTransaction, publisher: PublisherId) -> Result<Entries, Fault> {
    let credits = credits_of(&transaction.open_table(CREDITS)?, publisher)?;
    let adjustments = records_of(&transaction.open_table(ADJUSTMENTS)?, publisher)?;
    Entries::of(credits, adjustments).map_err(Fault::because)
}

/// Adds tokens of several denominations to a publisher's credit of a day.
pub(super) fn credit(
    transaction: &WriteTransaction,
    publisher: PublisherId,
    day: Day,
    amounts: impl Iterator<Item = (Denomination, u64)>,
) -> Result<(), Fault> {
    let mut credits = transaction.open_table(CREDITS)?;
    for (denomination, tokens) in amounts.filter(|(_, tokens)| *tokens > 0) {
        let text = denomination.to_string();
        let key = [publisher.as_bytes().as_slice(), &day.number().to_be_bytes(), text.as_bytes()].concat();
        let before: Option<Credit> =
            credits.get(key.as_slice())?.map(|bytes| record::decode(bytes.value())).transpose()?;
        let before = before.map_or(0, |credit| credit.tokens);
        let tokens = before.checked_add(tokens).ok_or_else(|| Fault::because("a credit overflows"))?;
        credits.insert(key.as_slice(), record::encode(&Credit { denomination, tokens })?.as_slice())?;
    }
    Ok(())
}

fn credits_of(
    credits: &impl ReadableTable<&'static [u8], &'static [u8]>,
    publisher: PublisherId,
) -> Result<Vec<CreditLine>, Fault> {
    let (first, last) = keys_of(publisher);
    let lines = credits.range::<&[u8]>(first.as_slice()..=last.as_slice())?.map(|entry| {
        let (key, value) = entry?;
        let day = key.value().get(16..).and_then(|rest| rest.first_chunk().copied()).map(u32::from_be_bytes);
        let day = day.and_then(Day::from_number).ok_or_else(|| Fault::because("a credit has no day"))?;
        let Credit { denomination, tokens } = record::decode(value.value())?;
        Ok(CreditLine { day, denomination, tokens })
    });
    lines.collect()
}

/// The records of a table whose keys begin with the publisher's id.
pub(super) fn records_of<R: Record>(
    table: &impl ReadableTable<&'static [u8], &'static [u8]>,
    publisher: PublisherId,
) -> Result<Vec<R>, Fault> {
    let (first, last) = keys_of(publisher);
    let records = table.range::<&[u8]>(first.as_slice()..=last.as_slice())?;
    records.map(|entry| Ok(record::decode(entry?.1.value())?)).collect()
}

/// Keys before and after each key of the publisher's: what follows the id has at most 31 bytes.
fn keys_of(publisher: PublisherId) -> (Vec<u8>, Vec<u8>) {
    (publisher.as_bytes().to_vec(), [publisher.as_bytes().as_slice(), &[u8::MAX; 32]].concat())
}
