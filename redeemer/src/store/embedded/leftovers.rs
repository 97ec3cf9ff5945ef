use async_trait::async_trait;
use farthing_protocol::Day;
use farthing_service::embedded::EmbeddedStore;
use farthing_service::unavailable::Unavailable;

use super::{kept_answers, spent_sets};
use crate::store::{DAYS_KEPT_AFTER_END, Leftovers, Slice, Unfinished};

#[async_trait]
impl Leftovers for EmbeddedStore {
    async fn drop_ended_sets(&self, now: u64, limit: usize) -> Result<Slice, Unavailable> {
        let today = Day::from_unix(now).number();
        let Some(ended) = today.checked_sub(DAYS_KEPT_AFTER_END).and_then(Day::from_number) else {
            return Ok(Slice::Last);
        };
        // The closed mark is durable before the first spent mark goes.
        let (rest, still_rest) = (self.rest(), self.rest());
        let closing = self.write(
            move |transaction| {
                if rest.holds() { Ok(()) } else { spent_sets::close(transaction, ended) }
            },
        );
        closing.await?;
        let dropping =
            self.write(
                move |transaction| {
                    if still_rest.holds() { Ok(0) } else { spent_sets::drop_closed(transaction, limit) }
                },
            );
        Ok(slice(dropping.await?, limit))
    }

    async fn drop_old_answers(&self, now: u64, limit: usize) -> Result<Slice, Unavailable> {
        let rest = self.rest();
        let dropping =
            self.write(
                move |transaction| {
                    if rest.holds() { Ok(0) } else { kept_answers::drop_old(transaction, now, limit) }
                },
            );
        Ok(slice(dropping.await?, limit))
    }

    async fn finish_redemptions(&self, before: Unfinished, _now: u64) -> Result<Unfinished, Unavailable> {
        // A redemption is one transaction.
        Ok(before)
    }

    async fn forget_order(&self) -> Result<(), Unavailable> {
        // It has no log of writes.
        Ok(())
    }
}

fn slice(dropped: usize, limit: usize) -> Slice {
    if dropped < limit { Slice::Last } else { Slice::More }
}
