use async_trait::async_trait;
use farthing_protocol::Day;
use farthing_service::embedded::EmbeddedStore;
use farthing_service::unavailable::Unavailable;

use super::{orders, pending_orders};
use crate::store::{DAYS_KEPT_AFTER_EXPIRY, Leftovers, Slice};

#[async_trait]
impl Leftovers for EmbeddedStore {
    async fn drop_expired_orders(&self, today: Day, limit: usize) -> Result<Slice, Unavailable> {
        let last = today.number().checked_sub(DAYS_KEPT_AFTER_EXPIRY).and_then(Day::from_number);
        let Some(last) = last else { return Ok(Slice::Last) };
        // Most hours there is nothing to drop, and so nothing to write.
        if !self.read(move |transaction| pending_orders::any_expired(transaction, last)).await? {
            return Ok(Slice::Last);
        }
        let rest = self.rest();
        let dropped = self
            .write(move |transaction| {
                if rest.holds() {
                    return Ok(0);
                }
                let claims = pending_orders::take_expired(transaction, last, limit)?;
                for claim in &claims {
                    orders::drop_unpaid(transaction, *claim)?;
                }
                Ok(claims.len())
            })
            .await?;
        Ok(Slice::after(dropped, limit))
    }
}
