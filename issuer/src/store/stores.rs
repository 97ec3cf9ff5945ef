use std::sync::Arc;

use farthing_service::birth::{Birth, ServiceKind};
use farthing_service::dumped_record::DumpRecords;
use farthing_service::environment::Environment;
use farthing_service::pinned_keys::PinnedKeys;
use farthing_service::store_load::StoreLoad;
use farthing_service::store_settings::{OpenStore, StoreError, StoreSettings};

use super::{IssuedTotals, Leftovers, Orders, Vouchers};

/// Everything that the issuer asks of its store, whichever kind it is. Clones share it.
#[derive(Clone)]
pub struct Stores {
    /// The record that `store init` wrote.
    pub birth: Birth,
    /// How busy it is.
    pub load: StoreLoad,
    /// Orders.
    pub orders: Arc<dyn Orders>,
    /// Vouchers.
    pub vouchers: Arc<dyn Vouchers>,
    /// What is dropped in time.
    pub leftovers: Arc<dyn Leftovers>,
    /// What was issued.
    pub totals: Arc<dyn IssuedTotals>,
    /// The facts of each key as first seen.
    pub pins: Arc<dyn PinnedKeys>,
    /// Every record.
    pub records: Arc<dyn DumpRecords>,
}

impl Stores {
    /// Opens the store. Call it within the Tokio runtime that outlives it.
    ///
    /// # Errors
    /// It is not there, not ours, or in use.
    pub async fn open(settings: &StoreSettings, environment: &Environment) -> Result<Self, StoreError> {
        Ok(match settings.open(ServiceKind::Issuer, environment.clone()).await? {
            OpenStore::Embedded(store) => Self::of(store.birth().clone(), store.load().clone(), store),
            OpenStore::Redis(store) => Self::of(store.birth().clone(), store.load().clone(), store),
        })
    }

    fn of<S>(birth: Birth, load: StoreLoad, store: S) -> Self
    where
        S: Orders + Vouchers + Leftovers + IssuedTotals + PinnedKeys + DumpRecords + 'static,
    {
        let store = Arc::new(store);
        Self {
            birth,
            load,
            orders: store.clone(),
            vouchers: store.clone(),
            leftovers: store.clone(),
            totals: store.clone(),
            pins: store.clone(),
            records: store,
        }
    }
}
