use std::collections::{BTreeMap, HashMap, HashSet};

use data_encoding::HEXLOWER;
use farthing_protocol::{BackupEntry, TokenKeyId};
use farthing_service::backup::{Findings, Sink, entry};
use farthing_service::record;
use farthing_service::redis::{Content, RedisStore, Walk};
use farthing_service::unavailable::Unavailable;

use super::super::unreadable;
use crate::orders::{Order, OrderId, Progress};

/// What a walk through the orders has met.
#[derive(Debug, Default)]
pub(super) struct Walked {
    /// Tokens and orders issued under each key.
    pub(super) issued: BTreeMap<TokenKeyId, (u64, u64)>,
    seen: HashSet<OrderId>,
    /// Unpaid orders, which are sent last: they may be paid when the vouchers are read.
    pending: HashMap<OrderId, Order>,
}

/// Sends every order that is paid.
pub(super) async fn walk(
    store: &RedisStore,
    sink: &Sink,
    findings: &mut Findings,
) -> Result<Walked, Unavailable> {
    let mut walked = Walked::default();
    let mut walk = Walk::default();
    while let Some(claims) = store.scan_keys(&mut walk, b"orders:").await? {
        let keys: Vec<_> = claims.iter().map(|claim| store.key(&[b"orders:", claim])).collect();
        let mut copied = Vec::with_capacity(keys.len());
        for (claim, found) in claims.into_iter().zip(store.read_keys(&keys).await?) {
            // An order that expired may have been dropped just now.
            let Some(bytes) = found.field("record") else { continue };
            let order: Order = record::decode(bytes).map_err(unreadable)?;
            let agrees = found.field("id") == Some(&order.id.to_bytes())
                && found.field("revision") == Some(order.revision.to_string().as_bytes());
            if !agrees {
                let claim = HEXLOWER.encode(&claim);
                findings.insert(format!("orders {claim}: its fields are not those of its record"));
            }
            // A walk may come to a key twice.
            if !walked.seen.insert(order.id) {
                continue;
            }
            match order.progress {
                Progress::Pending => {
                    walked.pending.insert(order.id, order);
                    continue;
                }
                Progress::Paid => {}
                Progress::Issued(binding) => {
                    let sum = walked.issued.entry(binding.token_key_id).or_default();
                    *sum = (sum.0 + u64::from(order.pack.count), sum.1 + 1);
                }
            }
            copied.push(entry("orders", claim, bytes));
        }
        sink.put(copied).await?;
    }
    Ok(walked)
}

impl Walked {
    /// Whether an order used a voucher as far as this copy goes. One that was met unpaid and has been paid since is paid
    /// in the copy; one that was made since is not in the copy, and its voucher unused. What is wrong stays as it is.
    pub(super) async fn has_paid(&mut self, store: &RedisStore, id: OrderId) -> Result<bool, Unavailable> {
        let was_seen = self.seen.contains(&id);
        if was_seen && !self.pending.get(&id).is_some_and(|order| order.progress == Progress::Pending) {
            return Ok(true);
        }
        let is_paid_now = is_paid(store, id).await?;
        if is_paid_now && let Some(order) = self.pending.get_mut(&id) {
            order.progress = Progress::Paid;
            order.revision += 1;
        }
        Ok(was_seen || !is_paid_now)
    }

    /// The orders that were met unpaid.
    pub(super) fn unpaid(&self) -> Result<Vec<BackupEntry>, Unavailable> {
        let copy = |order: &Order| {
            Ok(entry("orders", order.claim.to_bytes(), record::encode(order).map_err(unreadable)?))
        };
        self.pending.values().map(copy).collect()
    }
}

/// Whether the order is there and paid, or more, at this moment.
async fn is_paid(store: &RedisStore, id: OrderId) -> Result<bool, Unavailable> {
    let claim = store.read_key(store.key(&[b"order-ids:", &id.to_bytes()])).await?;
    let Content::Bytes(claim) = claim else { return Ok(false) };
    let order = store.read_key(store.key(&[b"orders:", &claim])).await?;
    let Some(bytes) = order.field("record") else { return Ok(false) };
    let order: Order = record::decode(bytes).map_err(unreadable)?;
    Ok(order.progress != Progress::Pending)
}
