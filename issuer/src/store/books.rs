//! What the issuer's records must add up to.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use data_encoding::HEXLOWER;
use farthing_protocol::{BackupEntry, Day, TokenKeyId};
use farthing_service::backup::{Books, Findings};
use farthing_service::key_day::split_key_day;
use farthing_service::pinned_keys::PinnedKey;
use farthing_service::record::{self, Record};

use super::{IssuedTotal, PendingCount};
use crate::orders::{Order, Progress};
use crate::vouchers::Voucher;

/// The first entry of the index of issued orders, which only a store on Redis has: without key.
pub(super) const ISSUED_INDEX: &str = "issued";

/// Everything that a walk through the store has met.
#[derive(Debug, Default)]
pub struct IssuerBooks {
    orders: HashMap<Vec<u8>, OrderFacts>,
    claims_by_id: HashMap<Vec<u8>, Vec<u8>>,
    /// Used vouchers, by their hash.
    used: HashMap<Vec<u8>, [u8; 16]>,
    totals: BTreeMap<Vec<u8>, IssuedTotal>,
    pending: BTreeSet<Vec<u8>>,
    pending_counts: BTreeMap<Vec<u8>, u64>,
    /// Token key and claim.
    issued_index: Option<HashSet<Vec<u8>>>,
    findings: Findings,
}

#[derive(Debug)]
struct OrderFacts {
    id: [u8; 16],
    expires: Day,
    tokens: u64,
    progress: Progress,
}

impl Books for IssuerBooks {
    fn add(&mut self, entry: BackupEntry) {
        let BackupEntry { table, key, value } = entry;
        match table.as_str() {
            "pinned-keys" => drop(self.read::<PinnedKey>(&table, &key, &value)),
            "orders" => {
                if let Some(order) = self.read::<Order>(&table, &key, &value) {
                    if order.claim.to_bytes().as_slice() != key {
                        self.find(&table, &key, "the order has another claim");
                    }
                    let (id, expires) = (order.id.to_bytes(), order.expires);
                    let tokens = order.pack.count.into();
                    self.orders.insert(key, OrderFacts { id, expires, tokens, progress: order.progress });
                }
            }
            "order-ids" => drop(self.claims_by_id.insert(key, value)),
            "vouchers" => {
                if let Some(Voucher { used_by: Some(order), .. }) = self.read(&table, &key, &value) {
                    self.used.insert(key, order.to_bytes());
                }
            }
            "issued-totals" => {
                if let Some(total) = self.read(&table, &key, &value) {
                    self.totals.insert(key, total);
                }
            }
            "pending-orders" => drop(self.pending.insert(key)),
            "pending-order-counts" => {
                if let Some(PendingCount { orders }) = self.read(&table, &key, &value) {
                    self.pending_counts.insert(key, orders);
                }
            }
            ISSUED_INDEX => {
                let index = self.issued_index.get_or_insert_default();
                if !key.is_empty() {
                    index.insert(key);
                }
            }
            _ => {}
        }
    }

    fn findings(mut self) -> Findings {
        self.compare_ids();
        self.compare_vouchers();
        self.compare_totals();
        self.compare_pending();
        self.findings
    }
}

impl IssuerBooks {
    fn read<R: Record>(&mut self, table: &str, key: &[u8], value: &[u8]) -> Option<R> {
        let record = record::decode(value);
        record.map_err(|error| self.find(table, key, &error.to_string())).ok()
    }

    fn find(&mut self, table: &str, key: &[u8], what: &str) {
        self.findings.insert(format!("{table} {}: {what}", HEXLOWER.encode(key)));
    }

    fn compare_ids(&mut self) {
        let mut found = Vec::new();
        for (claim, order) in &self.orders {
            if self.claims_by_id.get(order.id.as_slice()) != Some(claim) {
                found.push(("orders", claim.clone(), "its id does not lead to it"));
            }
        }
        for (id, claim) in &self.claims_by_id {
            if self.orders.get(claim).is_none_or(|order| order.id.as_slice() != id) {
                found.push(("order-ids", id.clone(), "its claim does not own that order"));
            }
        }
        self.tell(found);
    }

    fn compare_vouchers(&mut self) {
        let by_id: HashMap<_, _> =
            self.orders.iter().map(|(claim, order)| (order.id, (claim, order))).collect();
        let mut paid_by = HashMap::<[u8; 16], u32>::new();
        let mut found = Vec::new();
        for (hash, id) in &self.used {
            *paid_by.entry(*id).or_default() += 1;
            match by_id.get(id) {
                None => found.push(("vouchers", hash.clone(), "it was used by an order that is not there")),
                Some((_, order)) if order.progress == Progress::Pending => {
                    found.push(("vouchers", hash.clone(), "it was used by an order that is unpaid"));
                }
                Some(_) => {}
            }
        }
        for (id, (claim, order)) in &by_id {
            let payments = paid_by.get(id).copied().unwrap_or(0);
            if order.progress != Progress::Pending && payments == 0 {
                found.push(("orders", (*claim).clone(), "it is paid, and no voucher was used by it"));
            } else if payments > 1 {
                found.push(("orders", (*claim).clone(), "more than one voucher was used by it"));
            }
        }
        self.tell(found);
    }

    fn compare_totals(&mut self) {
        let mut issued = BTreeMap::<TokenKeyId, (u64, u64)>::new();
        let mut counted = issued.clone();
        let mut found = Vec::new();
        for (claim, order) in &self.orders {
            if let Progress::Issued(binding) = order.progress {
                add(&mut issued, binding.token_key_id, (order.tokens, 1));
                let entry = [binding.token_key_id.as_bytes().as_slice(), claim].concat();
                if self.issued_index.as_ref().is_some_and(|index| !index.contains(&entry)) {
                    found.push(("orders", claim.clone(), "it is issued, and not in its key's index"));
                }
            }
        }
        for (entry, total) in &self.totals {
            match split_key_day(entry) {
                Ok((key, _)) => add(&mut counted, key, (total.tokens, total.orders)),
                Err(_) => found.push(("issued-totals", entry.clone(), "its key is not a token key's day")),
            }
        }
        let keys: BTreeSet<_> = issued.keys().chain(counted.keys()).copied().collect();
        for key in keys {
            if issued.get(&key).copied().unwrap_or_default() != counted.get(&key).copied().unwrap_or_default()
            {
                let what = "its totals are not what its issued orders add up to";
                self.findings.insert(format!("token key {key}: {what}"));
            }
        }
        self.tell(found);
    }

    /// Orders that are in no index are no finding: a release before 0.2 kept none.
    fn compare_pending(&mut self) {
        let mut found = Vec::new();
        let mut counts = BTreeMap::<Vec<u8>, u64>::new();
        for entry in &self.pending {
            let (day, claim) = entry.split_at(entry.len().min(4));
            *counts.entry(day.to_vec()).or_default() += 1;
            let is_pending = self.orders.get(claim).is_some_and(|order| {
                order.progress == Progress::Pending && order.expires.number().to_be_bytes() == day
            });
            if !is_pending {
                found.push(("pending-orders", entry.clone(), "there is no such unpaid order"));
            }
        }
        let days: BTreeSet<_> = counts.keys().chain(self.pending_counts.keys()).cloned().collect();
        for day in days {
            if counts.get(&day) != self.pending_counts.get(&day) {
                found.push(("pending-order-counts", day, "it is not how many orders wait"));
            }
        }
        self.tell(found);
    }

    fn tell(&mut self, found: Vec<(&str, Vec<u8>, &str)>) {
        for (table, key, what) in found {
            self.find(table, &key, what);
        }
    }
}

fn add(sums: &mut BTreeMap<TokenKeyId, (u64, u64)>, key: TokenKeyId, (tokens, orders): (u64, u64)) {
    let sum = sums.entry(key).or_default();
    *sum = (sum.0.saturating_add(tokens), sum.1.saturating_add(orders));
}
