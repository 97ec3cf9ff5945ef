//! The places that a store moves from and to, as configurations name them.

use std::time::Duration;

use super::{Movable, OldStore, leave_embedded, leave_redis};
use crate::birth::Birth;
use crate::embedded::EmbeddedStore;
use crate::environment::Environment;
use crate::redis::{Abandoned, Departure, Deployment, NewStore, Occupied};
use crate::store_settings::{StoreConfig, StoreError, StoreSettings};

/// The shortest wait for a question of a move: large pieces are read and written.
const PATIENCE: Duration = Duration::from_secs(15);

impl StoreSettings {
    /// Opens the service's store to move it elsewhere, whether it was moved already or not. Nobody else may have an embedded
    /// store open.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub async fn leave<M: Movable>(&self, environment: Environment) -> Result<Box<dyn OldStore>, StoreError> {
        match &self.config {
            StoreConfig::Embedded { path } => {
                let path = path.resolve(&self.base);
                let (store, _) = EmbeddedStore::open_to_leave(&path, M::SERVICE, self.timeout, environment)?;
                leave_embedded::<M>(&store).await.map_err(StoreError::Held)
            }
            StoreConfig::Redis(config) => {
                let timeout = self.timeout.max(PATIENCE);
                let opened = Departure::open(self.deployment(config)?, M::SERVICE, timeout, environment);
                Ok(leave_redis::<M>(opened.await?))
            }
        }
    }

    /// Takes the place for the store with this birth record, to be filled by the command `run`.
    ///
    /// # Errors
    /// There is another store or part of one, or the place is not fit for money.
    pub async fn begin_new(
        &self,
        birth: &Birth,
        run: [u8; 16],
        was_moved: bool,
        environment: Environment,
    ) -> Result<Occupied, StoreError> {
        let (deployment, timeout) = (self.new_place()?, self.timeout.max(PATIENCE));
        Ok(NewStore::begin(&deployment, birth, run, was_moved, timeout, environment).await?)
    }

    /// Makes sure that the store never comes to be there, unless it is there already.
    ///
    /// # Errors
    /// The servers do not answer, so nothing is sure.
    pub async fn abandon_new(
        &self,
        birth: &Birth,
        environment: Environment,
    ) -> Result<Abandoned, StoreError> {
        let (deployment, timeout) = (self.new_place()?, self.timeout.max(PATIENCE));
        Ok(NewStore::abandon(&deployment, birth, timeout, environment).await?)
    }

    fn new_place(&self) -> Result<Deployment, StoreError> {
        match &self.config {
            StoreConfig::Embedded { .. } => Err(StoreError::NotRedis),
            StoreConfig::Redis(config) => self.deployment(config),
        }
    }
}
