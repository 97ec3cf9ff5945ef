//! How long the token keys last.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use farthing_protocol::Denomination;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;

use super::Metrics;
use crate::clock::Clock;
use crate::keyring::{KeyStatus, Keyring, KeyringWatch};

/// Asked at each scrape: what is sold may change while the service runs.
type Sold = Box<dyn Fn() -> BTreeSet<Denomination> + Send + Sync>;

/// The keys in force, and the denominations that must be issued.
struct KeyAges {
    keyring: KeyringWatch,
    sold: Sold,
    clock: Arc<dyn Clock>,
}

impl Metrics {
    /// Publishes how long the keys of `keyring` last. `sold` tells the denominations that must always have a key that
    /// issues: none on a redeemer.
    pub fn watch_keys(
        &self,
        keyring: KeyringWatch,
        sold: impl Fn() -> BTreeSet<Denomination> + Send + Sync + 'static,
    ) {
        let ages = KeyAges { keyring, sold: Box::new(sold), clock: Arc::clone(&self.clock) };
        self.register(|registry| registry.register_collector(Box::new(ages)));
    }
}

impl fmt::Debug for KeyAges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyAges").finish_non_exhaustive()
    }
}

impl Collector for KeyAges {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let (keyring, now) = (self.keyring.current(), self.clock.now());
        let mut metric = gauge(
            &mut encoder,
            "farthing_key_issue_seconds_left",
            "Until the token key stops issuing, by its name",
        )?;
        for entry in keyring.entries() {
            if matches!(entry.status(now), KeyStatus::Future | KeyStatus::Issuing) {
                let left = seconds_left(entry.facts().epoch().issue_until().start(), now);
                put(&mut metric, "key", entry.name(), left)?;
            }
        }
        let mut metric = gauge(
            &mut encoder,
            "farthing_key_redeem_seconds_left",
            "Until the token key's tokens are no longer taken, by its name",
        )?;
        for entry in keyring.entries().into_iter().filter(|entry| entry.status(now).redeems()) {
            let left = seconds_left(entry.facts().epoch().redeem_until().start(), now);
            put(&mut metric, "key", entry.name(), left)?;
        }

        let sold = (self.sold)();
        if sold.is_empty() {
            return Ok(());
        }
        let mut metric =
            gauge(&mut encoder, "farthing_issuing_keys", "1 while a key issues this denomination")?;
        for denomination in &sold {
            let issues = u64::from(keyring.issuing(*denomination, now).is_some());
            put(&mut metric, "denomination", &denomination.to_string(), issues)?;
        }
        let mut metric = gauge(
            &mut encoder,
            "farthing_issuing_seconds_left",
            "Until the last key made so far stops issuing this denomination",
        )?;
        for denomination in &sold {
            let left = last_issuing(&keyring, *denomination, now);
            put(&mut metric, "denomination", &denomination.to_string(), left)?;
        }
        Ok(())
    }
}

/// Seconds from `now` until no key made so far issues `denomination`.
fn last_issuing(keyring: &Keyring, denomination: Denomination, now: u64) -> u64 {
    let of_it = keyring.entries().into_iter().filter(|entry| entry.facts().denomination() == denomination);
    of_it
        .filter(|entry| matches!(entry.status(now), KeyStatus::Future | KeyStatus::Issuing))
        .map(|entry| seconds_left(entry.facts().epoch().issue_until().start(), now))
        .max()
        .unwrap_or(0)
}

const fn seconds_left(until: u64, now: u64) -> u64 {
    until.saturating_sub(now)
}

/// Begins a metric. The names live as long as the program, because the encoder keeps them.
fn gauge<'e>(
    encoder: &'e mut DescriptorEncoder<'_>,
    name: &'static str,
    help: &'static str,
) -> Result<MetricEncoder<'e>, fmt::Error> {
    encoder.encode_descriptor(name, help, None, MetricType::Gauge)
}

fn put(metric: &mut MetricEncoder<'_>, label: &'static str, value: &str, shown: u64) -> fmt::Result {
    ConstGauge::new(shown).encode(metric.encode_family(&[(label, value)])?)
}
