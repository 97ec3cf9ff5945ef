//! The running issuer: its parts, how they are put together, and how they are served.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use async_trait::async_trait;
use farthing_protocol::Denomination;
use farthing_service::admin_socket::AdminSocket;
use farthing_service::arithmetic::Arithmetic;
use farthing_service::birth::ServiceKind;
use farthing_service::environment::Environment;
use farthing_service::health::Readiness;
use farthing_service::keyring::{KeyringSource, KeyringWatch};
use farthing_service::metrics::{self, Alarm, Metrics, Probe};
use farthing_service::program;
use farthing_service::reload::{self, Hangups, InForce};
use farthing_service::server::{self, ServeOptions};
use farthing_service::signing_key::SigningKey;
use farthing_service::tls::Certificates;
use farthing_service::traces::Traces;
use serde_json::Value;

use crate::admin::{self, Command};
use crate::config::Config;
use crate::keys;
use crate::limits::Limits;
use crate::maintenance;
use crate::routes;
use crate::store::Stores;

/// Raised while token keys that are due cannot be made.
const ROTATION_ALARM: Alarm = Alarm::new("rotation");

/// The issuer with everything it needs to answer.
pub struct Issuer {
    /// Its configuration, part of which may change.
    pub config: InForce<Config>,
    /// Clock and steps.
    pub environment: Environment,
    /// The token keys in force.
    pub keyring: KeyringWatch,
    /// Orders, vouchers and what was issued.
    pub stores: Stores,
    /// Signs the totals.
    pub signing_key: SigningKey,
    /// Where batches are evaluated.
    pub arithmetic: Arithmetic,
    /// What was asked lately, and by whom.
    pub limits: Arc<Limits>,
}

/// Runs the issuer until it is told to stop.
///
/// # Errors
/// Something it needs is not in order; nothing was served then.
pub async fn serve(config: Config, environment: Environment) -> anyhow::Result<()> {
    let hangups = Hangups::listen()?;
    let metrics = Arc::new(Metrics::new(
        ServiceKind::Issuer.name(),
        env!("CARGO_PKG_VERSION"),
        Arc::clone(&environment.clock),
    ));
    let stores = Stores::open(&config.store, &environment).await?;
    stores.birth.check_gap(&config.store.describe())?;
    let traces = config.traces.clone().map(|traces| {
        Traces::new(
            traces,
            ServiceKind::Issuer.name(),
            env!("CARGO_PKG_VERSION"),
            Arc::clone(&environment.clock),
        )
    });
    let tls = config.tls.as_ref().map(|tls| Certificates::load(tls, &config.base)).transpose()?;
    let signing_key = SigningKey::load(&config.signing_key, &config.base).context("signing_key")?;
    let keyring = KeyringWatch::start(KeyringSource {
        directory: config.keyring.clone(),
        issuer_name: config.issuer_name.clone(),
        birth: stores.birth.clone(),
        pins: Arc::clone(&stores.pins),
        environment: environment.clone(),
    })
    .await?;
    // Only once the keyring has passed its checks: what is added to a keyring out of order stays there.
    for name in keys::rotate(&config, false, environment.now())? {
        tracing::info!(%name, "a token key was added");
    }
    keyring.reload().await?;
    let admin_socket = AdminSocket::bind(&config.admin_socket)?;
    let config = InForce::new(config);
    let start = config.current();
    let issuer = Arc::new(Issuer {
        environment,
        keyring: keyring.clone(),
        stores,
        signing_key,
        arithmetic: Arithmetic::new()?,
        limits: Arc::new(Limits::new(&start.limits)?),
        config,
    });

    issuer.stores.load.publish(&metrics);
    issuer.arithmetic.publish(&metrics);
    let sold = Arc::clone(&issuer);
    metrics.watch_keys(keyring.clone(), move || sold.config.current().denominations());
    let probe = Probe { pins: Arc::clone(&issuer.stores.pins), arithmetic: issuer.arithmetic.clone() };
    let period = start.keyring_poll.duration();
    let commands = Arc::clone(&issuer);
    let options = ServeOptions {
        listen: start.listen,
        metrics_listen: start.metrics_listen,
        metrics: Arc::clone(&metrics),
        timeouts: start.timeouts,
        connections: start.limits.connections.get(),
        tls,
        traces,
        tasks: vec![
            Box::pin(keyring.poll(period, Arc::clone(&metrics))),
            Box::pin(probe.run(period, Arc::clone(&metrics))),
            Box::pin(metrics::watch_readiness(issuer.clone(), period, Arc::clone(&metrics))),
            Box::pin(rotate(Arc::clone(&issuer), period, metrics)),
            Box::pin(maintenance::run(Arc::clone(&issuer.stores.leftovers), issuer.environment.clone())),
            Box::pin(Arc::clone(&issuer.limits).forget(issuer.environment.clone())),
            Box::pin(hangups.reload(Arc::clone(&issuer))),
            Box::pin(admin_socket.serve(move |command: Command| {
                let issuer = Arc::clone(&commands);
                async move { issuer.obey(command).await.map_err(|error| program::one_line(&error)) }
            })),
        ],
    };
    server::serve(options, routes::of(&issuer)).await?;
    Ok(())
}

impl Issuer {
    /// The first of `sold` that no key issues now.
    pub fn lacking(&self, sold: &BTreeSet<Denomination>) -> Option<Denomination> {
        let (keyring, now) = (self.keyring.current(), self.environment.now());
        sold.iter().copied().find(|one| keyring.issuing(*one, now).is_none())
    }

    /// Reads the keyring again.
    ///
    /// # Errors
    /// What is wrong with it, in one line that has its cause in it.
    pub async fn reload_keyring(&self) -> anyhow::Result<()> {
        self.keyring.reload().await.map_err(|error| anyhow!("{error}"))
    }

    /// Does what the operator wants.
    async fn obey(&self, command: Command) -> anyhow::Result<Value> {
        match command {
            Command::Reload => return reload::reload(self).await,
            Command::ReloadKeyring => self.reload_keyring().await?,
            Command::Ready => self.ready().await.map_err(anyhow::Error::msg)?,
            _ => {}
        }
        admin::execute(command, &self.config.current(), &self.stores, &self.environment).await
    }
}

/// Adds the keys that are due, for ever, `period` apart. A failure raises the alarm and is logged once.
async fn rotate(issuer: Arc<Issuer>, period: Duration, metrics: Arc<Metrics>) {
    let mut last_fault = None;
    loop {
        tokio::time::sleep(period).await;
        let shared = Arc::clone(&issuer);
        let added = tokio::task::spawn_blocking(move || {
            keys::rotate(&shared.config.current(), false, shared.environment.now())
        });
        let fault = match added.await {
            Ok(Ok(names)) => {
                for name in names {
                    tracing::info!(%name, "a token key was added");
                }
                None
            }
            Ok(Err(error)) => Some(error.to_string()),
            Err(error) => Some(error.to_string()),
        };
        metrics.set_alarm(ROTATION_ALARM, fault.is_some());
        if let Some(line) = fault.as_ref().filter(|line| last_fault.as_ref() != Some(*line)) {
            tracing::error!(cause = %line, "token keys that are due were not made");
        }
        last_fault = fault;
    }
}

#[async_trait]
impl Readiness for Issuer {
    async fn ready(&self) -> Result<(), String> {
        self.stores.totals.totals().await.map_err(|cause| cause.in_public().to_owned())?;
        match self.lacking(&self.config.current().denominations()) {
            Some(denomination) => Err(format!("no key issues {denomination} now")),
            None => Ok(()),
        }
    }
}
