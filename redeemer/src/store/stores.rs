use std::sync::Arc;

use farthing_service::backup::{BackupFile, Copies};
use farthing_service::birth::{Birth, ServiceKind};
use farthing_service::dumped_record::DumpRecords;
use farthing_service::embedded::EmbeddedStore;
use farthing_service::environment::Environment;
use farthing_service::pinned_keys::PinnedKeys;
use farthing_service::store_load::StoreLoad;
use farthing_service::store_settings::{OpenStore, StoreError, StoreSettings};
use farthing_service::unavailable::Unavailable;

use super::embedded::{EmbeddedCopies, EmbeddedRebuild};
use super::redis::{self, RedisCopies, RedisRebuild};
use super::{
    KeptAnswers, Ledger, Leftovers, Payouts, PinsWithSets, Publishers, RedeemedTotals, SpentTokens,
    Statements,
};
use crate::ledger::{Account, Entries, Statement};
use crate::publishers::PublisherId;

/// Everything that the redeemer asks of its store, whichever kind it is. Clones share it.
#[derive(Clone)]
pub struct Stores {
    /// The record that `store init` wrote.
    pub birth: Birth,
    /// How busy it is.
    pub load: StoreLoad,
    /// The sets of spent tokens.
    pub spent: Arc<dyn SpentTokens>,
    /// What is dropped when its time is over.
    pub leftovers: Arc<dyn Leftovers>,
    /// How many answers are kept.
    pub kept_answers: Arc<dyn KeptAnswers>,
    /// Who may redeem.
    pub publishers: Arc<dyn Publishers>,
    /// What they were credited.
    pub ledger: Arc<dyn Ledger>,
    /// What their statements say.
    pub statements: Arc<dyn Statements>,
    /// What was paid of them.
    pub payouts: Arc<dyn Payouts>,
    /// What was redeemed.
    pub totals: Arc<dyn RedeemedTotals>,
    /// The facts of each key as first seen, each with its spent set.
    pub pins: Arc<dyn PinnedKeys>,
    /// Every record.
    pub records: Arc<dyn DumpRecords>,
    /// The store as a whole.
    pub copies: Arc<dyn Copies>,
    /// An embedded store itself, which only its own process can move elsewhere.
    pub embedded: Option<EmbeddedStore>,
}

/// Makes the redeemer's store from a backup, on Redis divided into so many groups of keys, or as the one that was backed up;
/// its birth record.
///
/// # Errors
/// There is a store already, it cannot be written, or the backup does not fit.
pub async fn restore(
    settings: &StoreSettings,
    backup: BackupFile,
    groups: Option<u8>,
    environment: &Environment,
) -> Result<Birth, StoreError> {
    settings.restore(backup, groups, environment, EmbeddedRebuild::default(), RedisRebuild::default()).await
}

impl Stores {
    /// Opens the store. Call it within the Tokio runtime that outlives it.
    ///
    /// # Errors
    /// It is not there, not ours, or in use.
    pub async fn open(settings: &StoreSettings, environment: &Environment) -> Result<Self, StoreError> {
        Ok(match settings.open(ServiceKind::Redeemer, environment.clone()).await? {
            OpenStore::Embedded(store) => {
                let (copies, embedded) = (Arc::new(EmbeddedCopies(store.clone())), Some(store.clone()));
                let stores = Self::of(store.birth().clone(), store.load().clone(), store, copies);
                Self { embedded, ..stores }
            }
            OpenStore::Redis(store) => {
                redis::repack(&store).await.map_err(StoreError::Unready)?;
                let copies = Arc::new(RedisCopies(store.clone()));
                Self::of(store.birth().clone(), store.load().clone(), store, copies)
            }
        })
    }

    /// All that there is of what a publisher earned and was paid. It is read payouts first: whatever those pay is among the
    /// statements then, and whatever these state among the entries.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn account(&self, publisher: PublisherId) -> Result<Account, Unavailable> {
        let payouts = self.payouts.payouts(publisher).await?;
        let statements = self.statements.statements(publisher).await?;
        Ok(Account { entries: self.ledger.entries(publisher).await?, statements, payouts })
    }

    /// What a publisher was credited and what of it is stated, as no failover takes it back: for what is signed. Whatever the
    /// statements state is among the entries.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn confirmed_ledger(
        &self,
        publisher: PublisherId,
    ) -> Result<(Vec<Statement>, Entries), Unavailable> {
        let statements = self.statements.statements(publisher).await?;
        Ok((statements, self.ledger.confirmed_entries(publisher).await?))
    }

    fn of<S>(birth: Birth, load: StoreLoad, store: S, copies: Arc<dyn Copies>) -> Self
    where
        S: SpentTokens
            + Leftovers
            + KeptAnswers
            + Publishers
            + Ledger
            + Statements
            + Payouts
            + RedeemedTotals
            + PinnedKeys
            + DumpRecords
            + 'static,
    {
        let store = Arc::new(store);
        Self {
            birth,
            load,
            spent: store.clone(),
            leftovers: store.clone(),
            kept_answers: store.clone(),
            publishers: store.clone(),
            ledger: store.clone(),
            statements: store.clone(),
            payouts: store.clone(),
            totals: store.clone(),
            pins: Arc::new(PinsWithSets::new(store.clone(), store.clone())),
            records: store,
            copies,
            embedded: None,
        }
    }
}
