//! Orders and vouchers by the names of their keys: what is copied while a store is being moved.

use farthing_protocol::BackupEntry;
use farthing_service::backup::entry;
use farthing_service::record;
use farthing_service::redis::{Content, RedisStore};
use farthing_service::unavailable::Unavailable;

use super::super::unreadable;
use super::super::vouchers::used_by;
use crate::vouchers::Voucher;

/// What is under these keys.
pub async fn read(store: &RedisStore, names: Vec<Vec<u8>>) -> Result<Vec<BackupEntry>, Unavailable> {
    let keys: Vec<_> = names.iter().map(|name| store.key(&[name])).collect();
    let mut entries = Vec::with_capacity(names.len());
    for (name, content) in names.iter().zip(store.read_keys(&keys).await?) {
        if let Some(claim) = name.strip_prefix(b"orders:") {
            entries.extend(content.field("record").map(|record| entry("orders", claim, record)));
        } else if let Some(hash) = name.strip_prefix(b"vouchers:") {
            entries.extend(voucher(hash, &content)?);
        }
    }
    Ok(entries)
}

fn voucher(hash: &[u8], content: &Content) -> Result<Option<BackupEntry>, Unavailable> {
    let Some(bytes) = content.field("record") else { return Ok(None) };
    let minted: Voucher = record::decode(bytes).map_err(unreadable)?;
    let used_by = used_by(content.field("used-by"))?;
    let voucher = record::encode(&Voucher { used_by, ..minted }).map_err(unreadable)?;
    Ok(Some(entry("vouchers", hash, voucher)))
}
