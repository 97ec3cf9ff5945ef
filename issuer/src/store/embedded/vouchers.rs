use async_trait::async_trait;
use farthing_service::embedded::{EmbeddedStore, Fault, Table, open, table};
use farthing_service::record;
use farthing_service::unavailable::Unavailable;
use redb::{ReadableTable, WriteTransaction};

use crate::orders::OrderId;
use crate::store::Vouchers;
use crate::vouchers::{Voucher, VoucherHash};

/// SHA-256 of the code, 32 bytes: voucher.
const VOUCHERS: Table = table("vouchers");

#[async_trait]
impl Vouchers for EmbeddedStore {
    async fn mint(&self, vouchers: Vec<(VoucherHash, Voucher)>) -> Result<(), Unavailable> {
        self.write(move |transaction| {
            let mut table = transaction.open_table(VOUCHERS)?;
            for (hash, voucher) in vouchers {
                table.insert(hash.to_bytes().as_slice(), record::encode(&voucher)?.as_slice())?;
            }
            Ok(())
        })
        .await
    }

    async fn find(&self, hash: VoucherHash) -> Result<Option<Voucher>, Unavailable> {
        self.read(move |transaction| {
            let Some(table) = open(transaction, VOUCHERS)? else { return Ok(None) };
            table.get(hash.to_bytes().as_slice())?.map(|bytes| Ok(record::decode(bytes.value())?)).transpose()
        })
        .await
    }
}

/// Marks an unused voucher as used by an order; false, and nothing written, when it is unknown or used.
pub(super) fn use_voucher(
    transaction: &WriteTransaction,
    hash: VoucherHash,
    order: OrderId,
) -> Result<bool, Fault> {
    let key = hash.to_bytes();
    let mut table = transaction.open_table(VOUCHERS)?;
    let voucher: Option<Voucher> =
        table.get(key.as_slice())?.map(|bytes| record::decode(bytes.value())).transpose()?;
    let Some(voucher) = voucher.filter(|voucher| voucher.used_by.is_none()) else { return Ok(false) };
    let used = Voucher { used_by: Some(order), ..voucher };
    table.insert(key.as_slice(), record::encode(&used)?.as_slice())?;
    Ok(true)
}
