//! Traces: where the time of requests goes, sent to a collector as OTLP over HTTP, and telling of nobody when they came.
//!
//! A trace of a purchase at 10:02 and one of a redemption at 10:05 belong to the same person. So a trace has no time of
//! day: all of an hour are sent when it is over, in random order and in tens, as if each had begun with the hour.
//! docs/logging.md has the rules, docs/adr/0012-traces-without-times.md the reasons.

mod config;
mod hours;
mod message;
mod random;
mod recording;
mod sample;
mod sender;

use std::fmt;
use std::sync::Arc;

pub use config::TracesConfig;
pub(crate) use recording::{Part, Recording, RunningPart, part, within};

use crate::clock::Clock;
use hours::Hours;
use recording::Trace;
use sender::Sender;

/// What requests are told apart by, in values that are known beforehand: the labels of the metrics.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Kind {
    /// The route's template, or `other`.
    pub(crate) route: String,
    /// One of the methods in use, or `other`.
    pub(crate) method: &'static str,
    /// The class of the answer's status, such as `2xx`.
    pub(crate) status: &'static str,
}

/// The traces of one service, in memory until their hour is over.
pub struct Traces {
    clock: Arc<dyn Clock>,
    hours: Hours,
    sender: Sender,
}

impl Traces {
    /// Collects traces of `service` in `version`, from the next hour of `clock` on.
    pub fn new(
        config: TracesConfig,
        service: &'static str,
        version: &'static str,
        clock: Arc<dyn Clock>,
    ) -> Arc<Self> {
        let hours = Hours::new(clock.now(), config.traces_of_a_kind.get());
        let sender = Sender::new(config.otlp_endpoint, service, version);
        Arc::new(Self { clock, hours, sender })
    }

    /// A recording of a request that begins now.
    pub(crate) fn begin(self: &Arc<Self>) -> Arc<Recording> {
        Recording::begin(Arc::clone(self))
    }

    /// Keeps a trace until the hour is over, if it is among those that are kept.
    fn add(&self, kind: Kind, trace: Trace) {
        self.hours.add(self.clock.now(), kind, trace);
    }

    /// Sends each hour when it is over, for ever. What is not sent then is lost, and so is the hour in which this ends.
    pub(crate) async fn send_hourly(self: Arc<Self>) {
        self.sender.run(&self.hours, &*self.clock).await;
    }
}

impl fmt::Debug for Traces {
    /// Shows nothing of what was collected.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Traces(..)")
    }
}

#[cfg(test)]
mod tests;
