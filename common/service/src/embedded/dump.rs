use async_trait::async_trait;
use redb::{ReadableTable, TableDefinition, TableHandle};

use super::EmbeddedStore;
use crate::dumped_record::{DumpRecords, DumpedRecord};
use crate::unavailable::Unavailable;

#[async_trait]
impl DumpRecords for EmbeddedStore {
    async fn dump(&self) -> Result<Vec<DumpedRecord>, Unavailable> {
        self.read(|transaction| {
            let mut records = Vec::new();
            for handle in transaction.list_tables()? {
                let table = transaction.open_table::<&[u8], &[u8]>(TableDefinition::new(handle.name()))?;
                for entry in table.iter()? {
                    let (key, value) = entry?;
                    records.push(DumpedRecord::of(handle.name(), key.value(), value.value()));
                }
            }
            Ok(records)
        })
        .await
    }
}
