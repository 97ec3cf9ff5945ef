use async_trait::async_trait;
use farthing_protocol::Day;
use farthing_service::redis::{Call, RedisStore, Script};
use farthing_service::redis_script;
use farthing_service::unavailable::Unavailable;

use super::orders::pending_key;
use crate::store::{DAYS_KEPT_AFTER_EXPIRY, Leftovers, Slice};

static EXPIRED: Script = redis_script!("scripts/orders_expired.lua");
static DROP: Script = redis_script!("scripts/orders_drop_expired.lua");

#[async_trait]
impl Leftovers for RedisStore {
    async fn drop_expired_orders(&self, today: Day, limit: usize) -> Result<Slice, Unavailable> {
        let Some(last) = today.number().checked_sub(DAYS_KEPT_AFTER_EXPIRY) else { return Ok(Slice::Last) };
        // Most hours there is nothing to drop, and so nothing to write.
        let call = Call::new().key(pending_key(self)).number(last.into());
        if self.run::<u64>(&EXPIRED, call).await? == 0 {
            return Ok(Slice::Last);
        }
        let call = Call::new()
            .key(pending_key(self))
            .arg(self.key(&[b"orders:"]))
            .arg(self.key(&[b"order-ids:"]))
            .number(last.into())
            .number(limit as u64);
        Ok(Slice::after(self.write(&DROP, call).await?, limit))
    }
}
