//! What the operator's monitoring reads. Nothing here counts money or tokens: such a counter, read often, would tell
//! when each purchase and each redemption happened.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use actix_web::{HttpResponse, web};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::problem::ProblemResponse;

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
}

impl Metrics {
    /// Metrics of `service` in `version`: `farthing_build_info`, and `farthing_alarm` for the kinds named in
    /// [`Alarm`], all quiet.
    pub fn new(service: &'static str, version: &'static str) -> Self {
        let mut registry = Registry::default();
        let build = Family::<BuildLabels, Gauge>::default();
        build.get_or_create(&BuildLabels { service, version }).set(1);
        registry.register("farthing_build_info", "Which program this is; always 1", build);
        let alarms = Family::<AlarmLabels, Gauge>::default();
        registry.register("farthing_alarm", "1 while something needs the operator", alarms.clone());
        let metrics = Self { registry: Mutex::new(registry), alarms };
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
mod tests {
    use super::*;

    #[test]
    fn the_text_names_the_build_and_every_alarm() {
        let metrics = Metrics::new("issuer", "0.1.0");
        metrics.set_alarm(Alarm::STORE, true);
        metrics.set_alarm(Alarm::new("signing"), true);
        let text = metrics.encode().unwrap();
        for line in [
            "farthing_build_info{service=\"issuer\",version=\"0.1.0\"} 1",
            "farthing_alarm{kind=\"keyring\"} 0",
            "farthing_alarm{kind=\"store\"} 1",
            "farthing_alarm{kind=\"signing\"} 1",
        ] {
            assert!(text.lines().any(|other| other == line), "{line} in {text}");
        }
        assert!(metrics.alarm(Alarm::STORE) && !metrics.alarm(Alarm::KEYRING));
    }

    #[test]
    fn a_service_adds_its_own() {
        let metrics = Metrics::new("issuer", "0.1.0");
        metrics.register(|registry| registry.register("keys", "Keys held", Gauge::<i64>::default()));
        assert!(metrics.encode().unwrap().contains("keys 0"));
    }
}
