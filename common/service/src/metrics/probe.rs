//! Asking the service's own parts on a schedule, so that their speed is known without timing anybody's request.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;

use super::Metrics;
use crate::arithmetic::Arithmetic;
use crate::pinned_keys::PinnedKeys;

/// Times are rounded up to one of these, in milliseconds, so that one reader's batch on an idle machine does not show.
const STEPS: [u64; 7] = [100, 250, 500, 1_000, 2_500, 5_000, 10_000];

/// What is asked.
pub struct Probe {
    /// A question to the store that no request waits for.
    pub pins: Arc<dyn PinnedKeys>,
    /// The pool that an empty job is put into.
    pub arithmetic: Arithmetic,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PartLabels {
    part: &'static str,
}

impl Probe {
    /// Asks for ever, `period` apart, and publishes what it found.
    pub async fn run(self, period: Duration, metrics: Arc<Metrics>) {
        let seconds = Family::<PartLabels, Gauge<f64, AtomicU64>>::default();
        metrics.register(|registry| {
            registry.register(
                "farthing_probe_seconds",
                "How long a question of the service itself took at most, in steps",
                seconds.clone(),
            );
        });
        let set = |part, begun: Instant| {
            seconds.get_or_create(&PartLabels { part }).set(step(begun.elapsed()));
        };
        loop {
            let begun = Instant::now();
            // Whether it answered is the readiness's matter; a store that does not answer takes its whole time-out.
            let _ = self.pins.pinned().await;
            set("store", begun);
            let begun = Instant::now();
            let overloaded = self.arithmetic.run(|| ()).await.is_err();
            if overloaded {
                seconds.get_or_create(&PartLabels { part: "arithmetic" }).set(step(Duration::MAX));
            } else {
                set("arithmetic", begun);
            }
            tokio::time::sleep(period).await;
        }
    }
}

/// The step, in seconds, that `took` is within; the last one for anything longer.
fn step(took: Duration) -> f64 {
    let steps = STEPS.map(Duration::from_millis);
    let step = steps.into_iter().find(|step| took <= *step);
    step.unwrap_or(steps[steps.len() - 1]).as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rounded_up_to_steps() {
        for (millis, seconds) in [(0, 0.1), (100, 0.1), (101, 0.25), (2_000, 2.5), (60_000, 10.0)] {
            assert!((step(Duration::from_millis(millis)) - seconds).abs() < 1e-9, "{millis}");
        }
    }
}
