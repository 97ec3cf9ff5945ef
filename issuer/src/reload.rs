//! What the issuer does when its configuration is read again.

use std::sync::Arc;

use anyhow::{Context, anyhow, bail};
use async_trait::async_trait;
use farthing_service::reload::{InForce, Reload};

use crate::config::Config;
use crate::keys;
use crate::service::Issuer;

#[async_trait]
impl Reload for Issuer {
    type Configuration = Config;

    fn in_force(&self) -> &InForce<Config> {
        &self.config
    }

    /// Sees to it, as at the start, that what is sold can be issued: a denomination that is new gets its key. Others are
    /// not looked at, so that limits can be changed while the keyring is out of order.
    async fn prepare(&self, old: &Config, new: &Arc<Config>) -> anyhow::Result<()> {
        let added = &new.denominations() - &old.denominations();
        if added.is_empty() {
            return Ok(());
        }
        // First that the keyring as it is passes its checks: what is added to one out of order stays there.
        self.reload_keyring().await?;
        let (config, now) = (Arc::clone(new), self.environment.now());
        let made = tokio::task::spawn_blocking(move || keys::rotate(&config, false, now)).await;
        let made = made.context("making the token keys panicked")?;
        for name in made.map_err(|error| anyhow!("{error}"))? {
            tracing::info!(%name, "a token key was added");
        }
        self.reload_keyring().await?;
        match self.lacking(&added) {
            Some(denomination) => bail!("no key issues {denomination} now; see `keys list`"),
            None => Ok(()),
        }
    }

    fn apply(&self, new: &Config) {
        self.limits.set(&new.limits);
    }
}
