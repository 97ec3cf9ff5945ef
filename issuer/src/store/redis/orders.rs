use async_trait::async_trait;
use farthing_protocol::TokenKeyId;
use farthing_service::redis::{Call, RedisStore, Script};
use farthing_service::unavailable::Unavailable;
use farthing_service::{record, redis_script};

use super::issued_totals::{total_key, totals_key};
use super::vouchers::voucher_key;
use super::{VERSION, unreadable};
use crate::orders::{Claim, Order, OrderId};
use crate::store::{Along, Created, Orders, Replaced};

static CREATE: Script = redis_script!("scripts/order_create.lua");
static BY_CLAIM: Script = redis_script!("scripts/order_by_claim.lua");
static BY_ID: Script = redis_script!("scripts/order_by_id.lua");
static PAY: Script = redis_script!("scripts/order_pay.lua");
static ISSUE: Script = redis_script!("scripts/order_issue.lua");
static ISSUED_UNDER: Script = redis_script!("scripts/orders_issued_under.lua");

/// What the scripts that replace an order return.
const DONE: i64 = 0;
const CHANGED: i64 = 1;
const VOUCHER_REFUSED: i64 = 2;

/// What the script that creates an order returns first.
const KEPT: i64 = 0;
const CLAIMED: i64 = 1;
const TOO_MANY_PENDING: i64 = 2;

/// A hash with the fields `record`, `revision` and `id`.
fn order_key(store: &RedisStore, claim: Claim) -> Vec<u8> {
    store.key(&[b"orders:", &claim.to_bytes()])
}

/// A string: the claim of the order with this id.
fn id_key(store: &RedisStore, id: OrderId) -> Vec<u8> {
    store.key(&[b"order-ids:", &id.to_bytes()])
}

/// A sorted set: the claims of the unpaid orders, by the day on which they expire.
pub(super) fn pending_key(store: &RedisStore) -> Vec<u8> {
    store.key(&[b"pending-orders"])
}

/// A set: the claims of the orders issued under this key.
fn issued_key(store: &RedisStore, key: TokenKeyId) -> Vec<u8> {
    store.key(&[b"issued:", key.as_bytes()])
}

fn decode(bytes: Option<Vec<u8>>) -> Result<Option<Order>, Unavailable> {
    bytes.map(|bytes| record::decode(&bytes).map_err(unreadable)).transpose()
}

/// Finds an order. One that is paid or issued is shown as such, and must be as safe as when that was answered first.
async fn find(store: &RedisStore, script: &'static Script, call: Call) -> Result<Option<Order>, Unavailable> {
    let found = decode(store.run(script, call.clone()).await?)?;
    match found {
        Some(order) if order.revision > 0 => decode(store.confirm(script, call).await?),
        other => Ok(other),
    }
}

#[async_trait]
impl Orders for RedisStore {
    async fn create(&self, order: Order, most_pending: u64) -> Result<Created, Unavailable> {
        let call = Call::new()
            .key(order_key(self, order.claim))
            .key(id_key(self, order.id))
            .key(pending_key(self))
            .arg(record::encode(&order).map_err(unreadable)?)
            .number(order.revision.into())
            .arg(order.claim.to_bytes())
            .arg(order.id.to_bytes())
            .number(order.created.number().into())
            .number(order.expires.number().into())
            .number(most_pending);
        let (outcome, known): (i64, Option<Vec<u8>>) = self.write(&CREATE, call).await?;
        match (outcome, decode(known)?) {
            (KEPT, None) => Ok(Created::New),
            (CLAIMED, Some(known)) => Ok(Created::Claimed(known)),
            (TOO_MANY_PENDING, None) => Ok(Created::TooManyPending),
            _ => Err(Unavailable::because("a script returned an unknown outcome")),
        }
    }

    async fn by_claim(&self, claim: Claim) -> Result<Option<Order>, Unavailable> {
        find(self, &BY_CLAIM, Call::new().key(order_key(self, claim))).await
    }

    async fn by_id(&self, id: OrderId) -> Result<Option<Order>, Unavailable> {
        find(self, &BY_ID, Call::new().key(id_key(self, id)).arg(self.key(&[b"orders:"]))).await
    }

    async fn replace(&self, from: &Order, to: &Order, along: Along) -> Result<Replaced, Unavailable> {
        let call = Call::new()
            .key(order_key(self, from.claim))
            .number(from.revision.into())
            .arg(record::encode(to).map_err(unreadable)?)
            .number(to.revision.into());
        let replaced: i64 = match along {
            Along::UseVoucher(hash) => {
                let call = call
                    .key(voucher_key(self, hash))
                    .key(pending_key(self))
                    .arg(to.id.to_bytes())
                    .arg(to.claim.to_bytes());
                self.write(&PAY, call).await?
            }
            Along::CountIssued { key, day } => {
                let denomination = to.pack.denomination.to_string();
                let call = call
                    .key(issued_key(self, key))
                    .key(totals_key(self))
                    .key(total_key(self, key, day))
                    .arg(to.claim.to_bytes())
                    .arg(farthing_service::key_day::key_day(key, day))
                    .arg(denomination)
                    .number(to.pack.count.into())
                    .number(VERSION);
                self.write(&ISSUE, call).await?
            }
        };
        match replaced {
            DONE => Ok(Replaced::Done),
            CHANGED => Ok(Replaced::Changed),
            VOUCHER_REFUSED => Ok(Replaced::VoucherRefused),
            _ => Err(Unavailable::because("a script returned an unknown outcome")),
        }
    }

    async fn issued_under(&self, keys: Vec<TokenKeyId>) -> Result<Vec<Order>, Unavailable> {
        let mut found = Vec::new();
        for key in keys {
            let call = Call::new().key(issued_key(self, key)).arg(self.key(&[b"orders:"]));
            let records: Vec<Vec<u8>> = self.run(&ISSUED_UNDER, call).await?;
            for bytes in records {
                found.push(record::decode(&bytes).map_err(unreadable)?);
            }
        }
        Ok(found)
    }
}
