//! The running redeemer: its parts, how they are put together, and how they are served.

use std::sync::Arc;

use async_trait::async_trait;
use farthing_protocol::{ChallengeDigest, TokenChallenge};
use farthing_service::admin_socket::AdminSocket;
use farthing_service::arithmetic::Arithmetic;
use farthing_service::birth::ServiceKind;
use farthing_service::embedded::EmbeddedStore;
use farthing_service::environment::Environment;
use farthing_service::health::Readiness;
use farthing_service::keyring::{KeyringSource, KeyringWatch};
use farthing_service::metrics::Metrics;
use farthing_service::server::{self, ServeOptions};
use farthing_service::signing_key::SigningKey;

use crate::admin;
use crate::config::Config;
use crate::maintenance;
use crate::redemption::IdempotencySecret;
use crate::routes;
use crate::store::{Ledger, PinsWithSets, Publishers, RedeemedTotals, SpentTokens};

/// The redeemer with everything it needs to answer.
pub struct Redeemer {
    /// Its configuration.
    pub config: Config,
    /// Clock and steps.
    pub environment: Environment,
    /// The token keys in force.
    pub keyring: KeyringWatch,
    /// The digest of the one challenge that tokens may answer.
    pub challenge: ChallengeDigest,
    /// The sets of spent tokens.
    pub spent: Arc<dyn SpentTokens>,
    /// Who may redeem.
    pub publishers: Arc<dyn Publishers>,
    /// What they were credited.
    pub ledger: Arc<dyn Ledger>,
    /// What was redeemed.
    pub totals: Arc<dyn RedeemedTotals>,
    /// Makes the MACs under which answers are kept.
    pub idempotency: IdempotencySecret,
    /// Signs the totals.
    pub signing_key: SigningKey,
    /// Where tokens are verified.
    pub arithmetic: Arithmetic,
}

/// Opens the store that the configuration names.
///
/// # Errors
/// It is not there, not ours, or in use.
pub fn open_store(config: &Config, environment: &Environment) -> anyhow::Result<EmbeddedStore> {
    let timeout = config.timeouts.store_ms.duration();
    Ok(EmbeddedStore::open(&config.store, ServiceKind::Redeemer, timeout, environment.clone())?)
}

/// Runs the redeemer until it is told to stop.
///
/// # Errors
/// Something it needs is not in order; nothing was served then.
pub async fn serve(config: Config, environment: Environment) -> anyhow::Result<()> {
    let store = open_store(&config, &environment)?;
    let (redeemer, options) = assemble(store, config, environment).await?;
    server::serve(options, routes::of(&redeemer)).await?;
    Ok(())
}

/// Puts the parts together, and what goes on beside the routes.
async fn assemble(
    store: EmbeddedStore,
    config: Config,
    environment: Environment,
) -> anyhow::Result<(Arc<Redeemer>, ServeOptions)> {
    let metrics = Arc::new(Metrics::new(ServiceKind::Redeemer.name(), env!("CARGO_PKG_VERSION")));
    let signing_key = SigningKey::load(&config.signing_key, &config.base)?;
    let secret = config.idempotency_secret.read(&config.base)?;
    let idempotency = IdempotencySecret::from_bytes(secret.as_array()?);
    let keyring = KeyringWatch::start(KeyringSource {
        directory: config.keyring.clone(),
        issuer_name: config.issuer_name.clone(),
        birth: store.birth().clone(),
        pins: Arc::new(PinsWithSets::new(Arc::new(store.clone()), Arc::new(store.clone()))),
        environment: environment.clone(),
    })
    .await?;
    let admin_socket = AdminSocket::bind(&config.admin_socket)?;
    let redeemer = Arc::new(Redeemer {
        challenge: TokenChallenge::for_purchase(config.issuer_name.clone()).digest(),
        environment: environment.clone(),
        keyring: keyring.clone(),
        spent: Arc::new(store.clone()),
        publishers: Arc::new(store.clone()),
        ledger: Arc::new(store.clone()),
        totals: Arc::new(store.clone()),
        idempotency,
        signing_key,
        arithmetic: Arithmetic::new()?,
        config,
    });

    let period = redeemer.config.keyring_poll.duration();
    let leftovers = Arc::new(store.clone());
    let options = ServeOptions {
        listen: redeemer.config.listen,
        metrics_listen: redeemer.config.metrics_listen,
        metrics: Arc::clone(&metrics),
        timeouts: redeemer.config.timeouts,
        tasks: vec![
            Box::pin(keyring.poll(period, metrics)),
            Box::pin(maintenance::run(leftovers, environment.clone())),
            Box::pin(admin_socket.serve(move |command| {
                let (store, environment) = (store.clone(), environment.clone());
                async move {
                    let answer = admin::execute(command, &store, &environment).await;
                    answer.map_err(|error| format!("{error:#}"))
                }
            })),
        ],
    };
    Ok((redeemer, options))
}

#[async_trait]
impl Readiness for Redeemer {
    async fn ready(&self) -> Result<(), String> {
        self.totals.totals().await.map_err(|_| "the store does not answer".to_owned())?;
        let (keyring, now) = (self.keyring.current(), self.environment.now());
        if keyring.entries().iter().any(|entry| entry.status(now).redeems()) {
            Ok(())
        } else {
            Err("no token key is accepted now".to_owned())
        }
    }
}

#[cfg(test)]
mod tests;
