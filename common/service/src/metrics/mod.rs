//! What the operator's monitoring reads. Nothing here counts money or tokens, and whatever a purchase or a redemption
//! could move is published once a day or in coarse steps: a counter that is read often would tell when each of them
//! happened. docs/logging.md has the rules, docs/operating.md every metric.

mod daily;
mod durations;
mod keys;
mod probe;
mod readiness;
mod requests;
mod tens;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use actix_web::{HttpResponse, web};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::registry::Registry;

pub(crate) use daily::STEP;
pub use durations::DurationFamily;
pub(crate) use durations::Timed;
pub use probe::Probe;
pub use readiness::watch_readiness;
pub(crate) use requests::{Requests, measure};

use crate::clock::Clock;
use crate::problem::ProblemResponse;
use daily::Daily;

/// Media type of the text that [`Metrics::encode`] writes.
const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Something that needs the operator: the label `kind` of the gauge `farthing_alarm`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Alarm(&'static str);

impl Alarm {
    /// The keyring cannot be read as it is now; the keys read before stay in force.
    pub const KEYRING: Self = Self::new("keyring");
    /// The store does not answer, or cannot be trusted.
    pub const STORE: Self = Self::new("store");

    /// An alarm of another kind.
    pub const fn new(kind: &'static str) -> Self {
        Self(kind)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AlarmLabels {
    kind: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BuildLabels {
    service: &'static str,
    version: &'static str,
}

/// The metrics of one service.
pub struct Metrics {
    registry: Mutex<Registry>,
    alarms: Family<AlarmLabels, Gauge>,
    requests: Arc<Requests>,
    daily: Arc<Daily>,
    clock: Arc<dyn Clock>,
}

impl Metrics {
    /// Metrics of `service` in `version`, which starts now: `farthing_build_info`, `process_start_time_seconds`,
    /// requests, and `farthing_alarm` for the kinds named in [`Alarm`], all quiet.
    pub fn new(service: &'static str, version: &'static str, clock: Arc<dyn Clock>) -> Self {
        let mut registry = Registry::default();
        let build = Family::<BuildLabels, Gauge>::default();
        build.get_or_create(&BuildLabels { service, version }).set(1);
        registry.register("farthing_build_info", "Which program this is; always 1", build);
        let started = ConstGauge::new(clock.now());
        registry.register("process_start_time_seconds", "When the service started, in unix seconds", started);
        let alarms = Family::<AlarmLabels, Gauge>::default();
        registry.register("farthing_alarm", "1 while something needs the operator", alarms.clone());
        let (requests, daily) =
            (Arc::new(Requests::new(Arc::clone(&clock))), Arc::new(Daily::new(Arc::clone(&clock))));
        registry.register_collector(Box::new(Arc::clone(&requests)));
        registry.register_collector(Box::new(Arc::clone(&daily)));
        let metrics = Self { registry: Mutex::new(registry), alarms, requests, daily, clock };
        metrics.publish_daily(
            "farthing_http_request_duration_seconds",
            "Requests, each from its head to the head of its answer",
            metrics.requests.durations(),
        );
        metrics.set_alarm(Alarm::KEYRING, false);
        metrics.set_alarm(Alarm::STORE, false);
        metrics
    }

    /// Raises `alarm`, or says that it is over. Whoever calls this logs why.
    pub fn set_alarm(&self, alarm: Alarm, raised: bool) {
        self.alarms.get_or_create(&AlarmLabels { kind: alarm.0 }).set(raised.into());
    }

    /// Whether `alarm` is raised.
    pub fn alarm(&self, alarm: Alarm) -> bool {
        self.alarms.get_or_create(&AlarmLabels { kind: alarm.0 }).get() != 0
    }

    /// Publishes the counts of `family` once a UTC day, when they are first read on that day, as a histogram whose
    /// counts are rounded down to multiples of ten.
    pub fn publish_daily(&self, name: &'static str, help: &'static str, family: DurationFamily) {
        self.daily.add(name, help, family);
    }

    /// What the public listener tells of its requests.
    pub(crate) fn requests(&self) -> Arc<Requests> {
        Arc::clone(&self.requests)
    }

    /// Adds metrics of the service's own.
    pub fn register(&self, add: impl FnOnce(&mut Registry)) {
        add(&mut self.registry.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Everything, as OpenMetrics text.
    ///
    /// # Errors
    /// When a metric cannot be written.
    pub fn encode(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        let registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        prometheus_client::encoding::text::encode(&mut text, &registry)?;
        Ok(text)
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

/// The one path of the metrics listener.
pub(crate) fn configure(routes: &mut web::ServiceConfig) {
    routes.service(web::resource("/metrics").get(show));
}

async fn show(metrics: web::Data<Metrics>) -> Result<HttpResponse, ProblemResponse> {
    let text = metrics.encode().map_err(|error| ProblemResponse::internal(&error))?;
    Ok(HttpResponse::Ok().content_type(MEDIA_TYPE).body(text))
}

#[cfg(test)]
mod tests;
