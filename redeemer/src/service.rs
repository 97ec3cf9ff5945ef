//! The running redeemer: its parts, how they are put together, and how they are served.

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::{Context, bail};
use async_trait::async_trait;
use farthing_protocol::{ChallengeDigest, TokenChallenge};
use farthing_service::admin_socket::AdminSocket;
use farthing_service::arithmetic::Arithmetic;
use farthing_service::birth::ServiceKind;
use farthing_service::environment::Environment;
use farthing_service::health::Readiness;
use farthing_service::keyring::{KeyringSource, KeyringWatch};
use farthing_service::metrics::{self, Metrics, Probe};
use farthing_service::program;
use farthing_service::reload::{self, Hangups, InForce};
use farthing_service::server::{self, ServeOptions};
use farthing_service::signing_key::SigningKey;
use farthing_service::tls::Certificates;
use farthing_service::traces::Traces;
use serde_json::Value;

use crate::admin::{self, Command};
use crate::audit::AuditAlarm;
use crate::config::Config;
use crate::dashboard::SessionSecret;
use crate::kept_budget::KeptBudget;
use crate::limits::Limits;
use crate::maintenance;
use crate::places::Places;
use crate::questions::Questions;
use crate::redemption::IdempotencySecret;
use crate::routes;
use crate::store::Stores;

/// The redeemer with everything it needs to answer.
pub struct Redeemer {
    /// Its configuration, part of which may change.
    pub config: InForce<Config>,
    /// Clock and steps.
    pub environment: Environment,
    /// The token keys in force.
    pub keyring: KeyringWatch,
    /// The digest of the one challenge that tokens may answer.
    pub challenge: ChallengeDigest,
    /// Spent tokens, publishers and what they were credited.
    pub stores: Stores,
    /// Makes the MACs under which answers are kept.
    pub idempotency: IdempotencySecret,
    /// Makes the MACs of sessions at the dashboard.
    pub sessions: SessionSecret,
    /// Signs the totals, and what publishers are told that they are owed.
    pub signing_key: SigningKey,
    /// Where tokens are verified.
    pub arithmetic: Arithmetic,
    /// What was asked lately, and by whom.
    pub limits: Arc<Limits>,
    /// How many answers are kept.
    pub kept: Arc<KeptBudget>,
    /// Who has redemptions in work.
    pub places: Arc<Places>,
    /// Questions in flight to the store.
    pub questions: Questions,
    /// What audits showed.
    pub audit_alarm: AuditAlarm,
}

/// Runs the redeemer until it is told to stop.
///
/// # Errors
/// Something it needs is not in order; nothing was served then.
pub async fn serve(config: Config, environment: Environment) -> anyhow::Result<()> {
    let hangups = Hangups::listen()?;
    let stores = Stores::open(&config.store, &environment).await?;
    stores.birth.check_gap(&config.store.describe())?;
    let (redeemer, mut options) = assemble(stores, config, environment).await?;
    options.tasks.push(Box::pin(hangups.reload(Arc::clone(&redeemer))));
    server::serve(options, routes::of(&redeemer)).await?;
    Ok(())
}

/// Puts the parts together, and what goes on beside the routes.
async fn assemble(
    stores: Stores,
    config: Config,
    environment: Environment,
) -> anyhow::Result<(Arc<Redeemer>, ServeOptions)> {
    let metrics = Arc::new(Metrics::new(
        ServiceKind::Redeemer.name(),
        env!("CARGO_PKG_VERSION"),
        Arc::clone(&environment.clock),
    ));
    let traces = config.traces.clone().map(|traces| {
        Traces::new(
            traces,
            ServiceKind::Redeemer.name(),
            env!("CARGO_PKG_VERSION"),
            Arc::clone(&environment.clock),
        )
    });
    let tls = config.tls.as_ref().map(|tls| Certificates::load(tls, &config.base)).transpose()?;
    let signing_key = SigningKey::load(&config.signing_key, &config.base).context("signing_key")?;
    let signing_key = signing_key.succeeding(&config.retired_signing_keys).context("retired_signing_keys")?;
    let secret = config.idempotency_secret.read(&config.base).context("idempotency_secret")?;
    let idempotency = IdempotencySecret::from_bytes(secret.as_array()?);
    let keyring = KeyringWatch::start(KeyringSource {
        directory: config.keyring.clone(),
        issuer_name: config.issuer_name.clone(),
        birth: stores.birth.clone(),
        pins: Arc::clone(&stores.pins),
        environment: environment.clone(),
    })
    .await?;
    let admin_socket = AdminSocket::bind(&config.admin_socket)?;
    let config = InForce::new(config);
    let start = config.current();
    let redeemer = Arc::new(Redeemer {
        challenge: TokenChallenge::for_purchase(start.issuer_name.clone()).digest(),
        environment: environment.clone(),
        keyring: keyring.clone(),
        stores: stores.clone(),
        sessions: SessionSecret::of(&idempotency),
        idempotency,
        signing_key,
        arithmetic: Arithmetic::new()?,
        limits: Arc::new(Limits::new(&start.limits)?),
        kept: Arc::new(KeptBudget::new()),
        places: Arc::default(),
        questions: Questions::new(),
        audit_alarm: AuditAlarm::new(Arc::clone(&metrics)),
        config,
    });

    stores.load.publish(&metrics);
    redeemer.arithmetic.publish(&metrics);
    metrics.watch_keys(keyring.clone(), BTreeSet::new);
    let probe = Probe { pins: Arc::clone(&stores.pins), arithmetic: redeemer.arithmetic.clone() };
    let period = start.keyring_poll.duration();
    let leftovers = Arc::clone(&stores.leftovers);
    // A redemption that is under way asks its store a few times; one that still is after this was left.
    let finishing = start.timeouts.store_ms.duration() * 10;
    let commands = Arc::clone(&redeemer);
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
            Box::pin(metrics::watch_readiness(redeemer.clone(), period, metrics)),
            Box::pin(maintenance::run(Arc::clone(&leftovers), environment.clone())),
            Box::pin(maintenance::finish(leftovers, finishing, environment.clone())),
            Box::pin(Arc::clone(&redeemer).watch_issuer()),
            Box::pin(Arc::clone(&redeemer.limits).forget(environment.clone())),
            Box::pin(admin_socket.serve(move |command: Command| {
                let redeemer = Arc::clone(&commands);
                async move { redeemer.obey(command).await.map_err(|error| program::one_line(&error)) }
            })),
        ],
    };
    Ok((redeemer, options))
}

impl Redeemer {
    /// Does what the operator wants.
    async fn obey(&self, command: Command) -> anyhow::Result<Value> {
        match command {
            Command::Reload => return reload::reload(self).await,
            Command::Ready => self.ready().await.map_err(anyhow::Error::msg)?,
            // It would have to let go of the store, which it knows by its birth record.
            Command::ConfirmPayouts => bail!("stop the service first: it cannot do this while it runs"),
            Command::Audit { issued } => return Ok(admin::audited(&self.audit(&issued).await?)),
            _ => {}
        }
        admin::execute(command, &self.config.current(), &self.stores, &self.environment).await
    }
}

#[async_trait]
impl Readiness for Redeemer {
    async fn ready(&self) -> Result<(), String> {
        self.stores.totals.totals().await.map_err(|cause| cause.in_public().to_owned())?;
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
