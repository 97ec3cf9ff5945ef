use async_trait::async_trait;
use farthing_service::embedded::{EmbeddedStore, Fault, Table, open, table};
use farthing_service::record;
use farthing_service::unavailable::Unavailable;
use redb::WriteTransaction;

use super::ledger::records_of;
use super::statements;
use crate::ledger::{Paying, Payout, Reversing, Statement};
use crate::publishers::PublisherId;
use crate::store::{Paid, Payouts, Recorded, Reversed};

/// Publisher's id, 16 bytes, and the payout's, 16 bytes: payout.
const PAYOUTS: Table = table("payouts");

#[async_trait]
impl Payouts for EmbeddedStore {
    async fn pay(&self, paying: Paying) -> Result<Paid, Unavailable> {
        self.write(move |transaction| {
            record_payout(transaction, paying.publisher, |statements, payouts| {
                Paid::decide(&paying, statements, payouts)
            })
        })
        .await
    }

    async fn reverse(&self, reversing: Reversing) -> Result<Reversed, Unavailable> {
        self.write(move |transaction| {
            record_payout(transaction, reversing.publisher, |statements, payouts| {
                Reversed::decide(&reversing, statements, payouts)
            })
        })
        .await
    }

    async fn payouts(&self, publisher: PublisherId) -> Result<Vec<Payout>, Unavailable> {
        let payouts = self.read(move |transaction| {
            open(transaction, PAYOUTS)?.map_or_else(|| Ok(Vec::new()), |table| records_of(&table, publisher))
        });
        Ok(Payout::in_order(payouts.await?))
    }
}

fn record_payout<R>(
    transaction: &WriteTransaction,
    publisher: PublisherId,
    decide: impl FnOnce(&[Statement], &[Payout]) -> Recorded<R>,
) -> Result<Recorded<R>, Fault> {
    let statements = statements::all(transaction, publisher)?;
    let mut table = transaction.open_table(PAYOUTS)?;
    let earlier: Vec<Payout> = records_of(&table, publisher)?;
    let recorded = decide(&statements, &earlier);
    if let Recorded::Done(payout) = &recorded {
        let key = [payout.publisher.as_bytes().as_slice(), payout.id.as_bytes()].concat();
        table.insert(key.as_slice(), record::encode(payout)?.as_slice())?;
    }
    Ok(recorded)
}
