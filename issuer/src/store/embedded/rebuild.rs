use std::collections::BTreeMap;

use farthing_protocol::{BackupEntry, Day};
use farthing_service::backup::entry;
use farthing_service::embedded::{Fault, Rebuild};
use farthing_service::record;

use super::pending_orders::{day_key, entry_key};
use crate::orders::{Order, Progress};
use crate::store::PendingCount;

/// Makes an embedded store of the records of a backup: orders get their ids and their places in the index of those that
/// wait for payment.
#[derive(Debug, Default)]
pub struct EmbeddedRebuild {
    pending: BTreeMap<Day, u64>,
}

impl Rebuild for EmbeddedRebuild {
    fn entries(&mut self, from: BackupEntry) -> Result<Vec<BackupEntry>, Fault> {
        if from.table != "orders" {
            return Ok(vec![from]);
        }
        let order: Order = record::decode(&from.value)?;
        let mut entries = vec![entry("order-ids", order.id.to_bytes(), from.key.clone()), from];
        if order.progress == Progress::Pending {
            *self.pending.entry(order.expires).or_default() += 1;
            entries.push(entry("pending-orders", entry_key(&order), []));
        }
        Ok(entries)
    }

    fn last_entries(&mut self) -> Result<Vec<BackupEntry>, Fault> {
        let count = |(day, orders): (&Day, &u64)| {
            let count = record::encode(&PendingCount { orders: *orders })?;
            Ok(entry("pending-order-counts", day_key(*day), count))
        };
        self.pending.iter().map(count).collect()
    }
}
