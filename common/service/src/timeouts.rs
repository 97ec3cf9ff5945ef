//! How long a service waits, for anything.

use serde::Deserialize;

use crate::duration::{Milliseconds, Seconds};
use crate::sort_keys;

/// How long anything may take: the table `timeouts`. Every key may be left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Timeouts {
    /// One question to the store, after which the answer is 503. 2000 unless said otherwise.
    pub store_ms: Milliseconds<2000>,
    /// The head of a request, from its first byte. 10 unless said otherwise.
    pub request_head_seconds: Seconds<10>,
    /// The body of a request, from the end of its head. 30 unless said otherwise.
    pub request_body_seconds: Seconds<30>,
    /// A client whose connection takes nothing of its answer. 60 unless said otherwise.
    pub unread_seconds: Seconds<60>,
    /// An idle connection. 60 unless said otherwise.
    pub keep_alive_seconds: Seconds<60>,
    /// Requests in flight when the service is told to stop. 8 unless said otherwise: service managers kill after 10.
    pub shutdown_seconds: Seconds<8>,
}

sort_keys!(Timeouts {
    running: [],
    restart: [
        store_ms,
        request_head_seconds,
        request_body_seconds,
        unread_seconds,
        keep_alive_seconds,
        shutdown_seconds
    ],
    tables: [],
});
