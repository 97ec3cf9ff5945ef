use async_trait::async_trait;
use farthing_service::record;
use farthing_service::redis::{Call, RedisStore};
use farthing_service::unavailable::Unavailable;

use super::statements::{ADD, READ, TRIES, statements_key};
use super::unreadable;
use crate::ledger::{Paying, Payout, Reversing, Statement};
use crate::publishers::PublisherId;
use crate::store::{Paid, Payouts, Recorded, Reversed, Statements};

/// A hash: payout's id: payout.
fn payouts_key(store: &RedisStore, publisher: PublisherId) -> Vec<u8> {
    store.key(&[b"payouts:", publisher.as_bytes()])
}

#[async_trait]
impl Payouts for RedisStore {
    async fn pay(&self, paying: Paying) -> Result<Paid, Unavailable> {
        let decide = |statements: &[_], payouts: &[_]| Paid::decide(&paying, statements, payouts);
        record_payout(self, paying.publisher, decide).await
    }

    async fn reverse(&self, reversing: Reversing) -> Result<Reversed, Unavailable> {
        let decide = |statements: &[_], payouts: &[_]| Reversed::decide(&reversing, statements, payouts);
        record_payout(self, reversing.publisher, decide).await
    }

    async fn payouts(&self, publisher: PublisherId) -> Result<Vec<Payout>, Unavailable> {
        // What is listed is not paid again, so it must be as safe as when it was recorded.
        let records: Vec<Vec<u8>> =
            self.confirm(&READ, Call::new().key(payouts_key(self, publisher))).await?;
        let payouts = records.iter().map(|bytes| record::decode(bytes).map_err(unreadable));
        Ok(Payout::in_order(payouts.collect::<Result<_, _>>()?))
    }
}

async fn record_payout<R: Send>(
    store: &RedisStore,
    publisher: PublisherId,
    decide: impl Fn(&[Statement], &[Payout]) -> Recorded<R> + Send,
) -> Result<Recorded<R>, Unavailable> {
    for _ in 0..TRIES {
        let statements = store.statements(publisher).await?;
        let earlier = store.payouts(publisher).await?;
        let recorded = decide(&statements, &earlier);
        let Recorded::Done(payout) = &recorded else { return Ok(recorded) };
        let call = Call::new()
            .key(payouts_key(store, publisher))
            .key(statements_key(store, publisher))
            .number(earlier.len() as u64)
            .number(statements.len() as u64)
            .arg(*payout.id.as_bytes())
            .arg(record::encode(payout).map_err(unreadable)?);
        if store.write(&ADD, call).await? {
            return Ok(recorded);
        }
    }
    Err(Unavailable::because("a publisher's statements or payouts kept changing"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::conformance::Fixture;
    use crate::store::redis::tests::OnRedis;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_statement_closed_meanwhile_stops_a_payout() {
        let fixture = OnRedis::<1>::fresh().await;
        let (store, publisher) = (fixture.store(), PublisherId::from_bytes([1; 16]));
        let (payouts, statements) = (payouts_key(&store, publisher), statements_key(&store, publisher));
        let close = Call::new().key(statements.clone()).number(0).arg("EUR.2026-11-30").arg("record");
        assert!(store.write::<bool>(&ADD, close).await.unwrap());
        let pay = |seen| {
            let call = Call::new().key(payouts.clone()).key(statements.clone());
            store.write::<bool>(&ADD, call.number(0).number(seen).arg("id").arg("record"))
        };
        assert!(!pay(0).await.unwrap(), "it was decided before the statement was closed");
        assert!(pay(1).await.unwrap());
        assert!(!pay(1).await.unwrap(), "there is a payout by now");
    }
}
