//! How long things took, counted in coarse buckets.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Upper bounds of the buckets, in milliseconds; one more bucket has no bound.
const BOUNDS: [u64; 8] = [10, 50, 100, 250, 500, 1_000, 2_500, 10_000];

/// Labels of one series: names and values. Values come from lists known beforehand, such as route templates, never
/// from a request.
pub(crate) type Labels = Vec<(&'static str, Cow<'static, str>)>;

/// Durations of one series.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Durations {
    buckets: [u64; BOUNDS.len() + 1],
    total: Duration,
}

impl Durations {
    fn add(&mut self, duration: Duration) {
        let bucket = BOUNDS.iter().position(|bound| duration <= Duration::from_millis(*bound));
        self.buckets[bucket.unwrap_or(BOUNDS.len())] += 1;
        self.total += duration;
    }

    /// The histogram in which every count, from the first bucket up to each bound, is rounded down to a multiple of
    /// `step`; `None` when nothing is left to show.
    pub(super) fn rounded(&self, step: u64) -> Option<Histogram> {
        let (mut exact, mut shown) = (0, 0);
        let mut buckets = Vec::with_capacity(self.buckets.len());
        let bounds = BOUNDS.iter().map(|bound| Duration::from_millis(*bound).as_secs_f64());
        for (bound, count) in bounds.chain([f64::INFINITY]).zip(self.buckets) {
            exact += count;
            let rounded = exact - exact % step;
            buckets.push((bound, rounded - shown));
            shown = rounded;
        }
        (shown > 0).then_some(Histogram { whole_seconds: self.total.as_secs(), count: shown, buckets })
    }
}

/// What is published of [`Durations`].
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Histogram {
    /// Sum of all durations, in whole seconds.
    pub(super) whole_seconds: u64,
    /// How many there were.
    pub(super) count: u64,
    /// Bounds in seconds, and how many durations are within each and not within the one before.
    pub(super) buckets: Vec<(f64, u64)>,
}

/// The durations of one metric, by their labels. Clones share them.
///
/// They are published through [`Metrics::publish_daily`](super::Metrics::publish_daily) alone: read at any time, they
/// would tell when each purchase and each redemption happened.
#[derive(Clone, Default)]
pub struct DurationFamily {
    series: Arc<Mutex<BTreeMap<Labels, Durations>>>,
}

impl DurationFamily {
    /// Counts `duration` in the series with these labels.
    pub(crate) fn observe(&self, labels: Labels, duration: Duration) {
        let mut series = self.series.lock().unwrap_or_else(PoisonError::into_inner);
        series.entry(labels).or_default().add(duration);
    }

    /// Counts the time from now until what is returned is dropped, thus also that of a question whose asker went away.
    pub(crate) fn time(&self, labels: Labels) -> Timed {
        Timed { family: self.clone(), labels, begun: Instant::now() }
    }

    /// Everything that was counted until now.
    pub(super) fn snapshot(&self) -> BTreeMap<Labels, Durations> {
        self.series.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl fmt::Debug for DurationFamily {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DurationFamily").finish_non_exhaustive()
    }
}

/// Something that takes time until this is dropped.
pub(crate) struct Timed {
    family: DurationFamily,
    labels: Labels,
    begun: Instant,
}

impl Drop for Timed {
    fn drop(&mut self) {
        self.family.observe(std::mem::take(&mut self.labels), self.begun.elapsed());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn fewer_than_a_step_are_not_shown() {
        let mut durations = Durations::default();
        for _ in 0..9 {
            durations.add(Duration::from_millis(5));
        }
        assert_eq!(durations.rounded(10), None);
        durations.add(Duration::from_mins(1));
        let shown = durations.rounded(10).unwrap();
        assert_eq!((shown.count, shown.whole_seconds), (10, 60));
        // Nine are within 10 ms, of which none is shown; all ten are within no bound.
        assert_eq!(shown.buckets.first(), Some(&(0.01, 0)));
        assert_eq!(shown.buckets.last(), Some(&(f64::INFINITY, 10)));
    }

    #[test]
    fn a_time_is_counted_when_its_end_is_dropped() {
        let family = DurationFamily::default();
        let timed = family.time(vec![("operation", "read".into())]);
        assert!(family.snapshot().is_empty());
        drop(timed);
        assert_eq!(family.snapshot().len(), 1);
    }

    proptest! {
        #[test]
        fn every_count_is_a_multiple_and_never_too_high(
            millis in proptest::collection::vec(0_u64..20_000, 0..200),
        ) {
            let mut durations = Durations::default();
            for one in &millis {
                durations.add(Duration::from_millis(*one));
            }
            let buckets = durations.rounded(10).map_or(Vec::new(), |shown| shown.buckets);
            let mut within = 0;
            for (bound, count) in buckets {
                within += count;
                #[allow(clippy::cast_precision_loss, reason = "small numbers")]
                let exact = millis.iter().filter(|one| **one as f64 / 1000.0 <= bound).count() as u64;
                prop_assert!(within.is_multiple_of(10) && within <= exact && exact - within < 10);
            }
            prop_assert_eq!(within, millis.len() as u64 / 10 * 10);
        }
    }
}
