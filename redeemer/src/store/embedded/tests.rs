use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use farthing_service::birth::{Birth, ServiceKind, TrustedKeys};
use farthing_service::embedded::{EmbeddedStore, Table, table};
use farthing_service::environment::Environment;
use redb::ReadableTable;

use crate::store::conformance::{Fixture, conformance};
use crate::test_tokens::NOW;

struct Embedded {
    _directory: tempfile::TempDir,
    store: Arc<EmbeddedStore>,
}

#[async_trait]
impl Fixture for Embedded {
    type Store = EmbeddedStore;

    async fn fresh() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("redeemer.db");
        let birth = Birth::new(ServiceKind::Redeemer, NOW, TrustedKeys::None).unwrap();
        EmbeddedStore::create(&path, &birth).unwrap();
        let timeout = Duration::from_secs(30);
        let store =
            EmbeddedStore::open(&path, ServiceKind::Redeemer, timeout, Environment::production()).unwrap();
        Self { _directory: directory, store: Arc::new(store) }
    }

    fn store(&self) -> Arc<EmbeddedStore> {
        Arc::clone(&self.store)
    }

    async fn raise_versions(&self) {
        const RECORDS: [Table; 8] = [
            table("spent-sets"),
            table("kept-answers"),
            table("credits"),
            table("adjustments"),
            table("statements"),
            table("payouts"),
            table("redeemed-totals"),
            table("publishers"),
        ];
        self.store
            .write(|transaction| {
                for table in RECORDS {
                    let mut table = transaction.open_table(table)?;
                    let mut raised = Vec::new();
                    for entry in table.iter()? {
                        let (key, value) = entry?;
                        let mut bytes = value.value().to_vec();
                        bytes[0] += 1;
                        raised.push((key.value().to_vec(), bytes));
                    }
                    assert!(!raised.is_empty());
                    for (key, bytes) in raised {
                        table.insert(key.as_slice(), bytes.as_slice())?;
                    }
                }
                Ok(())
            })
            .await
            .unwrap();
    }

    async fn lose_birth(&self) {
        self.store
            .write(|transaction| {
                transaction.open_table(table("birth"))?.remove([].as_slice())?;
                Ok(())
            })
            .await
            .unwrap();
    }
}

conformance!(Embedded);
