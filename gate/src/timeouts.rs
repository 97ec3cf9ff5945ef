//! How long the gate waits, for anything but the site behind it.

use farthing_service::duration::{Milliseconds, Seconds};
use farthing_service::sort_keys;
use farthing_service::timeouts::Timeouts;
use serde::Deserialize;

/// The table `timeouts`. Every key may be left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TimeoutsConfig {
    /// One question to the redeemer, after which the answer is 503. 8000 unless said otherwise.
    pub redeemer_ms: Milliseconds<8000>,
    /// The head of a request, from its first byte. 10 unless said otherwise.
    pub request_head_seconds: Seconds<10>,
    /// The body of a payment, from the end of its head. 30 unless said otherwise.
    pub request_body_seconds: Seconds<30>,
    /// A client whose connection takes nothing of its answer. 60 unless said otherwise.
    pub unread_seconds: Seconds<60>,
    /// An idle connection. 60 unless said otherwise.
    pub keep_alive_seconds: Seconds<60>,
    /// Requests in flight when the gate is told to stop. 8 unless said otherwise: service managers kill after 10.
    pub shutdown_seconds: Seconds<8>,
}

sort_keys!(TimeoutsConfig {
    running: [],
    restart: [
        redeemer_ms,
        request_head_seconds,
        request_body_seconds,
        unread_seconds,
        keep_alive_seconds,
        shutdown_seconds
    ],
    tables: [],
});

impl TimeoutsConfig {
    /// What the listeners go by.
    pub fn listeners(self) -> Timeouts {
        Timeouts {
            request_head_seconds: self.request_head_seconds,
            request_body_seconds: self.request_body_seconds,
            unread_seconds: self.unread_seconds,
            keep_alive_seconds: self.keep_alive_seconds,
            shutdown_seconds: self.shutdown_seconds,
            ..Timeouts::default()
        }
    }
}
