use async_trait::async_trait;
use farthing_protocol::TokenKeyId;
use farthing_service::embedded::{EmbeddedStore, Fault, Table, open, table};
use farthing_service::record;
use farthing_service::unavailable::Unavailable;
use redb::{ReadableTable, WriteTransaction};

use super::issued_totals::count;
use super::pending_orders;
use super::vouchers::use_voucher;
use crate::orders::{Claim, Order, OrderId, Progress};
use crate::store::{Along, Created, Orders, Replaced};

/// Claim, 32 bytes: order.
const ORDERS: Table = table("orders");
/// Order id, 16 bytes: claim.
const ORDER_IDS: Table = table("order-ids");

#[async_trait]
impl Orders for EmbeddedStore {
    async fn create(&self, order: Order, most_pending: u64) -> Result<Created, Unavailable> {
        self.write(move |transaction| {
            let claim = order.claim.to_bytes();
            let mut orders = transaction.open_table(ORDERS)?;
            if let Some(bytes) = orders.get(claim.as_slice())? {
                return Ok(Created::Claimed(record::decode(bytes.value())?));
            }
            if pending_orders::count(transaction, order.created)? >= most_pending {
                return Ok(Created::TooManyPending);
            }
            let bytes = record::encode(&order)?;
            pending_orders::add(transaction, &order)?;
            orders.insert(claim.as_slice(), bytes.as_slice())?;
            transaction.open_table(ORDER_IDS)?.insert(order.id.to_bytes().as_slice(), claim.as_slice())?;
            Ok(Created::New)
        })
        .await
    }

    async fn by_claim(&self, claim: Claim) -> Result<Option<Order>, Unavailable> {
        self.read(move |transaction| {
            let Some(orders) = open(transaction, ORDERS)? else { return Ok(None) };
            find(&orders, &claim.to_bytes())
        })
        .await
    }

    async fn by_id(&self, id: OrderId) -> Result<Option<Order>, Unavailable> {
        self.read(move |transaction| {
            let (Some(ids), Some(orders)) = (open(transaction, ORDER_IDS)?, open(transaction, ORDERS)?)
            else {
                return Ok(None);
            };
            let Some(claim) = ids.get(id.to_bytes().as_slice())? else { return Ok(None) };
            find(&orders, claim.value())
        })
        .await
    }

    async fn replace(&self, from: &Order, to: &Order, along: Along) -> Result<Replaced, Unavailable> {
        let (claim, seen, order) = (from.claim.to_bytes(), from.revision, to.clone());
        self.write(move |transaction| {
            let mut orders = transaction.open_table(ORDERS)?;
            let Some(current) = find(&orders, &claim)?.filter(|current| current.revision == seen) else {
                return Ok(Replaced::Changed);
            };
            if !go_along(transaction, &order, along)? {
                return Ok(Replaced::VoucherRefused);
            }
            if current.progress == Progress::Pending {
                pending_orders::remove(transaction, &current)?;
            }
            orders.insert(claim.as_slice(), record::encode(&order)?.as_slice())?;
            Ok(Replaced::Done)
        })
        .await
    }

    async fn issued_under(&self, keys: Vec<TokenKeyId>) -> Result<Vec<Order>, Unavailable> {
        self.read(move |transaction| {
            let mut found = Vec::new();
            let Some(orders) = open(transaction, ORDERS)? else { return Ok(found) };
            for entry in orders.iter()? {
                let order: Order = record::decode(entry?.1.value())?;
                if order.binding().is_some_and(|binding| keys.contains(&binding.token_key_id)) {
                    found.push(order);
                }
            }
            Ok(found)
        })
        .await
    }
}

fn find(
    orders: &impl ReadableTable<&'static [u8], &'static [u8]>,
    claim: &[u8],
) -> Result<Option<Order>, Fault> {
    orders.get(claim)?.map(|bytes| Ok(record::decode(bytes.value())?)).transpose()
}

/// Drops the order that a claim owns, if it is unpaid.
pub(super) fn drop_unpaid(transaction: &WriteTransaction, claim: Claim) -> Result<(), Fault> {
    let mut orders = transaction.open_table(ORDERS)?;
    let claim = claim.to_bytes();
    let unpaid = find(&orders, &claim)?.filter(|order| order.progress == Progress::Pending);
    if let Some(order) = unpaid {
        orders.remove(claim.as_slice())?;
        transaction.open_table(ORDER_IDS)?.remove(order.id.to_bytes().as_slice())?;
    }
    Ok(())
}

/// Whether what goes along is done; if not, nothing was written.
fn go_along(transaction: &WriteTransaction, order: &Order, along: Along) -> Result<bool, Fault> {
    match along {
        Along::UseVoucher(hash) => use_voucher(transaction, hash, order.id),
        Along::CountIssued { key, day } => count(transaction, key, day, &order.pack).map(|()| true),
    }
}
