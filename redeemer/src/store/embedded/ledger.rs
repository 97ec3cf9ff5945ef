use async_trait::async_trait;
use farthing_api::BalanceEntry;
use farthing_protocol::{Day, Denomination};
use farthing_service::embedded::{EmbeddedStore, Fault, Table, open, table};
use farthing_service::record::{self, Record};
use farthing_service::unavailable::Unavailable;
use redb::{ReadableTable, WriteTransaction};
use serde::{Deserialize, Serialize};

use crate::publishers::PublisherId;
use crate::redemption::sum_by_currency;
use crate::store::Ledger;

/// Publisher's id, 16 bytes, the day's number, 4 bytes big-endian, and the denomination as text: credit.
const CREDITS: Table = table("credits");

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
    async fn balance(&self, publisher: PublisherId) -> Result<Vec<BalanceEntry>, Unavailable> {
        self.read(move |transaction| {
            let Some(credits) = open(transaction, CREDITS)? else { return Ok(Vec::new()) };
            let (first, beyond) = (publisher.as_bytes().to_vec(), after(publisher));
            let credits: Vec<Credit> = credits
                .range::<&[u8]>(first.as_slice()..beyond.as_slice())?
                .map(|entry| Ok(record::decode(entry?.1.value())?))
                .collect::<Result<_, Fault>>()?;
            let amounts = credits.iter().map(|credit| {
                let Credit { denomination, tokens } = credit;
                (denomination.currency().code(), denomination.value_micros().get(), *tokens)
            });
            sum_by_currency(amounts).map_err(Fault::because)
        })
        .await
    }
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

/// A key after every key of the publisher: its days have four bytes, and none is the last number of those.
fn after(publisher: PublisherId) -> Vec<u8> {
    [publisher.as_bytes().as_slice(), &u32::MAX.to_be_bytes()].concat()
}
