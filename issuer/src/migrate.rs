//! `store migrate`: the store moves to another place while the service works.

use farthing_service::embedded::EmbeddedStore;
use farthing_service::environment::Environment;
use farthing_service::migration::arguments::Migration;
use farthing_service::migration::{self, OldStore, check_same_secret};
use farthing_service::reload::Configuration;
use serde_json::Value;

use crate::config::Config;
use crate::store::IssuerTables;

/// Moves an embedded store that this process has open.
///
/// # Errors
/// It could not be moved; the message says why.
pub async fn from_here(
    asked: &Migration,
    config: &Config,
    store: &EmbeddedStore,
    environment: &Environment,
) -> anyhow::Result<Value> {
    let new = new_configuration(asked, config)?;
    let was_stopped = asked.give_up.is_some() && migration::stop_embedded(store).await?;
    let old = migration::leave_embedded::<IssuerTables>(store).await?;
    migrate(asked, old, &new, was_stopped, environment).await
}

/// Moves the store that the configuration names: one on Redis, or an embedded one that no process has open.
///
/// # Errors
/// As [`from_here`].
pub async fn from_there(
    asked: &Migration,
    config: &Config,
    environment: &Environment,
) -> anyhow::Result<Value> {
    let new = new_configuration(asked, config)?;
    let old = config.store.leave::<IssuerTables>(environment.clone()).await?;
    migrate(asked, old, &new, false, environment).await
}

/// The configuration that the service will have, if all but the store is found under it as it is now.
fn new_configuration(asked: &Migration, config: &Config) -> anyhow::Result<Config> {
    let new = Config::load(&asked.to)?;
    check_same_secret("signing_key", (&config.signing_key, &config.base), (&new.signing_key, &new.base))?;
    Ok(new)
}

async fn migrate(
    asked: &Migration,
    old: Box<dyn OldStore>,
    new: &Config,
    was_stopped: bool,
    environment: &Environment,
) -> anyhow::Result<Value> {
    let told = match asked.give_up {
        None => migration::migrate::<IssuerTables>(old, &new.store, asked.groups, environment).await?,
        Some(is_lost) => migration::give_up(old, &new.store, is_lost, was_stopped, environment).await?,
    };
    Ok(told.into())
}
