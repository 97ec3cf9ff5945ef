use farthing_protocol::BackupEntry;
use farthing_service::key_day::split_key_day;
use farthing_service::redis::{GroupWrites, Rebuild, Writes};
use farthing_service::{pinned_keys, record};

use super::VERSION;
use crate::orders::{Order, Progress};
use crate::store::IssuedTotal;
use crate::vouchers::Voucher;

/// Makes a store on Redis of the records of a backup; docs/redis-keys.md has what it writes.
#[derive(Debug, Default)]
pub struct RedisRebuild {}

impl Rebuild for RedisRebuild {
    fn write(&mut self, entry: BackupEntry, writes: &mut Writes) -> Result<(), String> {
        match entry.table.as_str() {
            "pinned-keys" => pinned_keys::write_to_redis(&entry, writes).map(drop).map_err(words),
            "orders" => write_order(&entry, writes.first()),
            "vouchers" => write_voucher(&entry, writes.first()),
            "issued-totals" => write_total(&entry, writes.first()),
            other => {
                Err(format!("this release knows no table {other} there; install the release that wrote it"))
            }
        }
    }

    fn write_last(&mut self, _writes: &mut Writes) -> Result<(), String> {
        Ok(())
    }
}

#[allow(clippy::needless_pass_by_value, reason = "that is how map_err passes it")]
fn words(error: impl ToString) -> String {
    error.to_string()
}

fn write_order(entry: &BackupEntry, writes: &mut GroupWrites) -> Result<(), String> {
    let order: Order = record::decode(&entry.value).map_err(words)?;
    let (claim, id) = (entry.key.as_slice(), order.id.to_bytes());
    let name: &[&[u8]] = &[b"orders:", claim];
    writes.field(name, "record", &entry.value);
    writes.field(name, "revision", order.revision.to_string());
    writes.field(name, "id", id);
    writes.string(&[b"order-ids:", &id], claim);
    match order.progress {
        Progress::Pending => writes.scored(&[b"pending-orders"], claim, order.expires.number().into()),
        Progress::Paid => writes.unscored(&[b"pending-orders"], claim),
        Progress::Issued(binding) => {
            // Where a store is moved while it is used an order may come again, further than before.
            writes.unscored(&[b"pending-orders"], claim);
            writes.member(&[b"issued:", binding.token_key_id.as_bytes()], claim);
        }
    }
    Ok(())
}

fn write_voucher(entry: &BackupEntry, writes: &mut GroupWrites) -> Result<(), String> {
    let voucher: Voucher = record::decode(&entry.value).map_err(words)?;
    let name: &[&[u8]] = &[b"vouchers:", &entry.key];
    if let Some(order) = voucher.used_by {
        writes.field(name, "used-by", order.to_bytes());
    }
    let minted = record::encode(&Voucher { used_by: None, ..voucher }).map_err(words)?;
    writes.field(name, "record", minted);
    Ok(())
}

fn write_total(entry: &BackupEntry, writes: &mut GroupWrites) -> Result<(), String> {
    split_key_day(&entry.key).map_err(words)?;
    let IssuedTotal { denomination, tokens, orders } = record::decode(&entry.value).map_err(words)?;
    let name: &[&[u8]] = &[b"issued-total:", &entry.key];
    writes.member(&[b"issued-totals"], &entry.key);
    writes.field(name, "version", VERSION.to_string());
    writes.field(name, "denomination", denomination.to_string());
    writes.field(name, "tokens", tokens.to_string());
    writes.field(name, "orders", orders.to_string());
    Ok(())
}
