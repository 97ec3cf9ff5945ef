//! Counts that are published once a day.
//!
//! A purchase and a redemption each ask the store, do arithmetic and answer requests. A count of any of these that can
//! be read at any time dates them to the second, and whoever reads those of both services can then pair a rare purchase
//! with the redemption that follows it. So what is published stays as it is for a whole day, and is rounded.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use farthing_protocol::Day;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;

use super::durations::{DurationFamily, Durations, Labels};
use crate::clock::Clock;

/// Counts are rounded down to multiples of this.
pub(crate) const STEP: u64 = 10;

/// The metrics that are published once a day: when they are first read on a UTC day, as they are then. Before the first
/// change of day they are empty.
pub(super) struct Daily {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

struct State {
    day: Day,
    families: Vec<Family>,
}

struct Family {
    name: &'static str,
    help: &'static str,
    counted: DurationFamily,
    published: BTreeMap<Labels, Durations>,
}

impl Daily {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        let day = Day::from_unix(clock.now());
        Self { clock, state: Mutex::new(State { day, families: Vec::new() }) }
    }

    pub(super) fn add(&self, name: &'static str, help: &'static str, counted: DurationFamily) {
        let family = Family { name, help, counted, published: BTreeMap::new() };
        self.state.lock().unwrap_or_else(PoisonError::into_inner).families.push(family);
    }
}

impl fmt::Debug for Daily {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Daily").finish_non_exhaustive()
    }
}

impl Collector for Daily {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let today = Day::from_unix(self.clock.now());
        if state.day != today {
            state.day = today;
            for family in &mut state.families {
                family.published = family.counted.snapshot();
            }
        }
        for Family { name, help, published, .. } in &state.families {
            let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Histogram)?;
            for (labels, durations) in published {
                let Some(shown) = durations.rounded(STEP) else { continue };
                #[allow(clippy::cast_precision_loss, reason = "exact for some hundred million years")]
                let seconds = shown.whole_seconds as f64;
                metric.encode_family(labels)?.encode_histogram::<NoLabelSet>(
                    seconds,
                    shown.count,
                    &shown.buckets,
                    None,
                )?;
            }
        }
        Ok(())
    }
}
