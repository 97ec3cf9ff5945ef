//! The running gate: its parts, how they are put together, and how they are served.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use async_trait::async_trait;
use farthing_api::MAX_TOKENS_PER_REDEMPTION;
use farthing_service::admin_socket::AdminSocket;
use farthing_service::environment::Environment;
use farthing_service::health::Readiness;
use farthing_service::metrics::{self, Alarm, Metrics};
use farthing_service::program;
use farthing_service::reload::{self, Hangups, InForce};
use farthing_service::server::{self, ServeOptions};
use farthing_service::tls::Certificates;
use farthing_service::traces::Traces;
use serde_json::Value;

use crate::admin::Command;
use crate::config::Config;
use crate::forward_auth::Asker;
use crate::gate::Gate;
use crate::key_watch::KeyWatch;
use crate::limits::Limits;
use crate::proxy::Upstream;
use crate::receipts::Receipts;
use crate::redeemer::Redeemer;
use crate::routes;
use crate::secret::GateSecret;
use crate::till::Till;

/// What the metrics and traces call the program.
const NAME: &str = "gate";
/// How often the gate asks itself whether it could do its work.
const READINESS: Duration = Duration::from_secs(10);
/// The redeemer's keys cannot be fetched.
const REDEEMER: Alarm = Alarm::new("redeemer");
/// A receipt was not kept.
const RECEIPTS: Alarm = Alarm::new("receipts");

/// The gate with everything it needs to answer.
pub struct GateService {
    /// Its configuration, part of which may change.
    pub config: InForce<Config>,
    /// Who decides.
    pub gate: Gate,
    /// How a proxy asks, if one does.
    pub asker: Option<Asker>,
    /// What was asked lately, and by whom.
    pub limits: Arc<Limits>,
}

/// Runs the gate until it is told to stop.
///
/// # Errors
/// Something it needs is not in order; nothing was served then.
pub async fn serve(config: Config, environment: Environment) -> anyhow::Result<()> {
    let hangups = Hangups::listen()?;
    let metrics = Arc::new(Metrics::new(NAME, env!("CARGO_PKG_VERSION"), Arc::clone(&environment.clock)));
    let traces = config
        .traces
        .clone()
        .map(|traces| Traces::new(traces, NAME, env!("CARGO_PKG_VERSION"), Arc::clone(&environment.clock)));
    let tls = config.tls.as_ref().map(|tls| Certificates::load(tls, &config.base)).transpose()?;
    if let Some(upstream) = &config.upstream {
        // Each thread will have its own: what would hinder them is said here.
        Upstream::new(upstream).context("upstream.url")?;
    }
    let admin_socket = AdminSocket::bind(&config.admin_socket)?;
    let service = Arc::new(assemble(config, &environment, &metrics)?);
    let start = service.config.current();

    metrics.set_alarm(REDEEMER, false);
    let watching = Arc::clone(&service);
    let alarms = Arc::clone(&metrics);
    let watch = async move {
        let told = |fresh: bool| alarms.set_alarm(REDEEMER, !fresh);
        watching.gate.keys().watch(watching.gate.redeemer(), told).await;
    };
    let (stopping, stopped) = (server::told_to_stop()?, Arc::clone(&service));
    let commands = Arc::clone(&service);
    let options = ServeOptions {
        listen: start.listen,
        metrics_listen: start.metrics_listen,
        metrics: Arc::clone(&metrics),
        timeouts: start.timeouts.listeners(),
        connections: start.limits.connections.get(),
        tls,
        traces,
        tasks: vec![
            Box::pin(watch),
            Box::pin(async move {
                stopping.await;
                stopped.gate.stop();
            }),
            Box::pin(metrics::watch_readiness(service.clone(), READINESS, metrics)),
            Box::pin(Arc::clone(&service.limits).forget()),
            Box::pin(hangups.reload(Arc::clone(&service))),
            Box::pin(admin_socket.serve(move |command: Command| {
                let service = Arc::clone(&commands);
                async move { service.obey(command).await.map_err(|error| program::one_line(&error)) }
            })),
        ],
    };
    // Who comes first should not find a gate that does not know what it takes; if the redeemer is away, they wait.
    service.gate.keys().refresh(service.gate.redeemer()).await;
    let served = server::serve(options, routes::of(&service)).await;
    service.gate.close(start.timeouts.shutdown_seconds.duration()).await;
    Ok(served?)
}

fn assemble(
    config: Config,
    environment: &Environment,
    metrics: &Arc<Metrics>,
) -> anyhow::Result<GateService> {
    let secret = config.secret.read(&config.base).context("secret")?;
    let secret = GateSecret::from_bytes(secret.as_array().context("secret")?);
    let api_key = config.redeemer.api_key.read_text(&config.base).context("redeemer.api_key")?;
    let patience = config.timeouts.redeemer_ms.duration();
    let redeemer = Redeemer::new(config.redeemer.url.clone(), &api_key, patience).context("redeemer")?;
    let asker = match &config.forward_auth {
        Some(asked) => {
            let shared = asked.secret.read_text(&config.base).context("forward_auth.secret")?;
            Some(Asker::new(asked.clone(), &shared).context("forward_auth.secret")?)
        }
        None => None,
    };
    let keys = KeyWatch::new(config.issuer_name.clone(), MAX_TOKENS_PER_REDEMPTION);
    let limits = Arc::new(Limits::new(&config.limits)?);
    let receipts = match &config.receipts {
        Some(directory) => {
            metrics.set_alarm(RECEIPTS, false);
            let metrics = Arc::clone(metrics);
            let told = move |well: bool| metrics.set_alarm(RECEIPTS, !well);
            let receipts = Receipts::open(directory.clone(), told);
            Some(receipts.with_context(|| format!("receipts: {}", directory.display()))?)
        }
        None => None,
    };
    let gate = Gate::new(Arc::clone(&environment.clock), secret, Till::new(redeemer, receipts), keys);
    Ok(GateService { config: InForce::new(config), gate, asker, limits })
}

impl GateService {
    /// Does what the operator wants.
    async fn obey(&self, command: Command) -> anyhow::Result<Value> {
        match command {
            Command::Reload => reload::reload(self).await,
            Command::Ready => {
                self.ready().await.map_err(anyhow::Error::msg)?;
                Ok(Value::Null)
            }
        }
    }
}

#[async_trait]
impl Readiness for GateService {
    async fn ready(&self) -> Result<(), String> {
        let keys = self.gate.keys();
        let current = keys
            .current()
            .filter(|_| keys.is_fresh())
            .ok_or("the redeemer does not say which keys it accepts")?;
        let (config, now) = (self.config.current(), self.gate.now());
        let payable = |amount| current.paying(amount, now).next().is_some();
        match config.prices.prices.iter().find(|price| !payable(price.amount())) {
            Some(price) => Err(format!(
                "no accepted token key can pay {}, the price of {}",
                price.amount(),
                price.path.as_str()
            )),
            None => Ok(()),
        }
    }
}
