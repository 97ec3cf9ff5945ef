//! Gauges of how full something is now.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;

use super::Metrics;
use super::daily::STEP;

/// A number that is asked for at each scrape, and published rounded down to a multiple of [`STEP`]: what a single
/// request does to it is not seen.
struct InTens {
    name: &'static str,
    help: &'static str,
    number: Box<dyn Fn() -> u64 + Send + Sync>,
}

impl Metrics {
    /// Publishes what `number` says at each scrape, rounded down to a multiple of ten.
    pub fn watch_in_tens(
        &self,
        name: &'static str,
        help: &'static str,
        number: impl Fn() -> u64 + Send + Sync + 'static,
    ) {
        let gauge = InTens { name, help, number: Box::new(number) };
        self.register(|registry| registry.register_collector(Box::new(gauge)));
    }
}

impl fmt::Debug for InTens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InTens").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Collector for InTens {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let number = (self.number)();
        let metric = encoder.encode_descriptor(self.name, self.help, None, MetricType::Gauge)?;
        ConstGauge::new(number - number % STEP).encode(metric)
    }
}
