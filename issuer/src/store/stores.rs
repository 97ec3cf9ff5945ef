use std::sync::Arc;

use farthing_service::backup::{BackupFile, Copies};
use farthing_service::birth::{Birth, ServiceKind};
use farthing_service::dumped_record::DumpRecords;
use farthing_service::embedded::EmbeddedStore;
use farthing_service::environment::Environment;
use farthing_service::pinned_keys::PinnedKeys;
use farthing_service::store_load::StoreLoad;
use farthing_service::store_settings::{OpenStore, StoreError, StoreSettings};

use super::embedded::{EmbeddedCopies, EmbeddedRebuild};
use super::redis::{RedisCopies, RedisRebuild};
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
    /// The store as a whole.
    pub copies: Arc<dyn Copies>,
    /// An embedded store itself, which only its own process can move elsewhere.
    pub embedded: Option<EmbeddedStore>,
}

/// Makes the issuer's store from a backup; its birth record.
///
/// # Errors
/// There is a store already, it cannot be written, or the backup does not fit.
pub async fn restore(
    settings: &StoreSettings,
    backup: BackupFile,
    environment: &Environment,
) -> Result<Birth, StoreError> {
    settings.restore(backup, None, environment, EmbeddedRebuild::default(), RedisRebuild::default()).await
}

impl Stores {
    /// Opens the store. Call it within the Tokio runtime that outlives it.
    ///
    /// # Errors
    /// It is not there, not ours, or in use.
    pub async fn open(settings: &StoreSettings, environment: &Environment) -> Result<Self, StoreError> {
        Ok(match settings.open(ServiceKind::Issuer, environment.clone()).await? {
            OpenStore::Embedded(store) => {
                let (copies, embedded) = (Arc::new(EmbeddedCopies(store.clone())), Some(store.clone()));
                let stores = Self::of(store.birth().clone(), store.load().clone(), store, copies);
                Self { embedded, ..stores }
            }
            OpenStore::Redis(store) => {
                let copies = Arc::new(RedisCopies(store.clone()));
                Self::of(store.birth().clone(), store.load().clone(), store, copies)
            }
        })
    }

    fn of<S>(birth: Birth, load: StoreLoad, store: S, copies: Arc<dyn Copies>) -> Self
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
            copies,
            embedded: None,
        }
    }
}
