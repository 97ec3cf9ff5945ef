//! What the gate does when its configuration is read again.

use std::sync::Arc;

use async_trait::async_trait;
use farthing_service::reload::{InForce, Reload};

use crate::config::Config;
use crate::service::GateService;

#[async_trait]
impl Reload for GateService {
    type Configuration = Config;

    fn in_force(&self) -> &InForce<Config> {
        &self.config
    }

    /// Prices are checked when they are read, and need nothing beside the file.
    async fn prepare(&self, _old: &Config, _new: &Arc<Config>) -> anyhow::Result<()> {
        Ok(())
    }

    fn apply(&self, new: &Config) {
        self.limits.set(&new.limits);
    }
}
