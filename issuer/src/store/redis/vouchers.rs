use async_trait::async_trait;
use farthing_service::redis::{Call, RedisStore, Script};
use farthing_service::unavailable::Unavailable;
use farthing_service::{record, redis_script};

use super::unreadable;
use crate::orders::OrderId;
use crate::store::Vouchers;
use crate::vouchers::{Voucher, VoucherHash};

static MINT: Script = redis_script!("scripts/vouchers_mint.lua");
static FIND: Script = redis_script!("scripts/voucher_find.lua");
/// Vouchers of one script, so that none keeps the server busy for long.
const MINTED_AT_ONCE: usize = 500;

/// A hash with the fields `record`, the voucher as it was minted, and, once it is used, `used-by`, an order's id.
pub(super) fn voucher_key(store: &RedisStore, hash: VoucherHash) -> Vec<u8> {
    store.key(&[b"vouchers:", &hash.to_bytes()])
}

#[async_trait]
impl Vouchers for RedisStore {
    async fn mint(&self, vouchers: Vec<(VoucherHash, Voucher)>) -> Result<(), Unavailable> {
        // Nobody holds a code before all are kept, so that a failure between two scripts leaves vouchers that nobody
        // can use, and loses nothing.
        for some in vouchers.chunks(MINTED_AT_ONCE) {
            let mut call = Call::new();
            for (hash, voucher) in some {
                call = call.key(voucher_key(self, *hash)).arg(record::encode(voucher).map_err(unreadable)?);
            }
            self.write::<()>(&MINT, call).await?;
        }
        Ok(())
    }

    async fn find(&self, hash: VoucherHash) -> Result<Option<Voucher>, Unavailable> {
        let call = Call::new().key(voucher_key(self, hash));
        let mut found: (Option<Vec<u8>>, Option<Vec<u8>>) = self.run(&FIND, call.clone()).await?;
        if found.1.is_some() {
            // Its owner is going to be told that it is used, which must stay so.
            found = self.confirm(&FIND, call).await?;
        }
        let (Some(bytes), used_by) = found else { return Ok(None) };
        let minted: Voucher = record::decode(&bytes).map_err(unreadable)?;
        Ok(Some(Voucher { used_by: self::used_by(used_by.as_deref())?, ..minted }))
    }
}

/// The order that used a voucher, from the field `used-by`.
pub(super) fn used_by(field: Option<&[u8]>) -> Result<Option<OrderId>, Unavailable> {
    let id = field.map(|id| <[u8; 16]>::try_from(id).map(OrderId::from_bytes)).transpose();
    id.map_err(|_| Unavailable::because("a voucher was used by something that is no order"))
}
