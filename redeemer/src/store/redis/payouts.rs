use async_trait::async_trait;
use farthing_service::record;
use farthing_service::redis::{Call, RedisStore};
use farthing_service::unavailable::Unavailable;

use super::statements::{ADD, READ, TRIES, statements_key};
use super::unreadable;
use crate::ledger::{Paying, Payout};
use crate::publishers::PublisherId;
use crate::store::{Paid, Payouts, Statements};

/// A hash: payout's id: payout.
fn payouts_key(store: &RedisStore, publisher: PublisherId) -> Vec<u8> {
    store.key(&[b"payouts:", publisher.as_bytes()])
}

#[async_trait]
impl Payouts for RedisStore {
    async fn pay(&self, paying: Paying) -> Result<Paid, Unavailable> {
        let publisher = paying.publisher;
        for _ in 0..TRIES {
            let statements = self.statements(publisher).await?;
            let earlier = self.payouts(publisher).await?;
            let paid = Paid::decide(&paying, &statements, &earlier);
            let Paid::Done(payout) = &paid else { return Ok(paid) };
            let call = Call::new()
                .key(payouts_key(self, publisher))
                .key(statements_key(self, publisher))
                .number(earlier.len() as u64)
                .number(statements.len() as u64)
                .arg(*payout.id.as_bytes())
                .arg(record::encode(payout).map_err(unreadable)?);
            if self.write(&ADD, call).await? {
                return Ok(paid);
            }
        }
        Err(Unavailable::because("a publisher's statements or payouts kept changing"))
    }

    async fn payouts(&self, publisher: PublisherId) -> Result<Vec<Payout>, Unavailable> {
        // What is listed is not paid again, so it must be as safe as when it was recorded.
        let records: Vec<Vec<u8>> =
            self.confirm(&READ, Call::new().key(payouts_key(self, publisher))).await?;
        let payouts = records.iter().map(|bytes| record::decode(bytes).map_err(unreadable));
        Ok(Payout::in_order(payouts.collect::<Result<_, _>>()?))
    }
}
