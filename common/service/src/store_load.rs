//! How busy a store is.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::metrics::{DurationFamily, Metrics, Timed};
use crate::traces::{self, Part, RunningPart};

/// How long a store's questions took, and how many wait. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct StoreLoad {
    durations: DurationFamily,
    waiting: Arc<AtomicU64>,
}

/// What a question does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    Read,
    Write,
}

impl StoreLoad {
    /// Publishes it: the times once a day, the queue in tens.
    pub fn publish(&self, metrics: &Metrics) {
        metrics.publish_daily(
            "farthing_store_duration_seconds",
            "Questions to the store, each until its answer or time-out",
            self.durations.clone(),
        );
        let waiting = Arc::clone(&self.waiting);
        metrics.watch_in_tens(
            "farthing_store_queue",
            "Embedded store: writes that wait for the writer. Redis: questions that wait for their answer",
            move || waiting.load(Ordering::Relaxed),
        );
    }

    /// A question that is asked until what is returned is dropped.
    pub(crate) fn ask(&self, operation: Operation) -> Asking {
        let (name, part) = match operation {
            Operation::Read => ("read", Part::StoreRead),
            Operation::Write => ("write", Part::StoreWrite),
        };
        Asking { _timed: self.durations.time(vec![("operation", name.into())]), _part: traces::part(part) }
    }

    /// Something that is in the queue until what is returned is dropped.
    pub(crate) fn queue(&self) -> Queued {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        Queued(Arc::clone(&self.waiting))
    }
}

/// A question under way.
pub(crate) struct Asking {
    _timed: Timed,
    _part: Option<RunningPart>,
}

/// A place in the queue.
pub(crate) struct Queued(Arc<AtomicU64>);

impl Drop for Queued {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;

    #[test]
    fn the_queue_is_shown_in_tens() {
        let (load, metrics) = (StoreLoad::default(), Metrics::new("issuer", "0.1.0", Arc::new(SystemClock)));
        load.publish(&metrics);
        let shown = || {
            let text = metrics.encode().unwrap();
            text.lines().find_map(|line| line.strip_prefix("farthing_store_queue ")).unwrap().to_owned()
        };
        let mut queued: Vec<_> = (0..19).map(|_| load.queue()).collect();
        assert_eq!(shown(), "10");
        queued.push(load.queue());
        assert_eq!(shown(), "20");
        queued.clear();
        assert_eq!(shown(), "0");
    }
}
