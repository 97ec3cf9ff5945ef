//! What the redeemer does when its configuration is read again.

use std::sync::Arc;

use async_trait::async_trait;
use farthing_service::reload::{InForce, Reload};

use crate::config::Config;
use crate::service::Redeemer;

#[async_trait]
impl Reload for Redeemer {
    type Configuration = Config;

    fn in_force(&self) -> &InForce<Config> {
        &self.config
    }

    /// Whatever may change here needs nothing beside the file.
    async fn prepare(&self, _old: &Config, _new: &Arc<Config>) -> anyhow::Result<()> {
        Ok(())
    }

    fn apply(&self, new: &Config) {
        self.limits.set(&new.limits);
    }
}
