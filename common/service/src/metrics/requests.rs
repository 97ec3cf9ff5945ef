//! Requests: how long each kind of them took, and whether too many fail now.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{Error, web};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;

use super::daily::STEP;
use super::durations::DurationFamily;
use crate::clock::Clock;
use crate::traces::{self, Kind, Traces};

/// Length of the window over which failures are looked at, in seconds.
const WINDOW: u64 = 300;
/// The share of failures is rounded down to multiples of one in this many.
const SHARES: u64 = 20;
/// What monitoring itself asks, at the root or below a path: no sign of how readers and publishers fare.
const PROBED: [&str; 2] = ["/healthz", "/readyz"];

/// What is known of the requests to the public listener.
pub(crate) struct Requests {
    clock: Arc<dyn Clock>,
    durations: DurationFamily,
    window: Mutex<Window>,
}

/// Answers of the window that has not ended, and the share of failures in the last that has.
#[derive(Debug, Default)]
struct Window {
    number: u64,
    answers: u64,
    failures: u64,
    share: f64,
}

impl Window {
    fn count(&mut self, failed: bool) {
        self.answers += 1;
        self.failures += u64::from(failed);
    }

    /// Publishes what was counted when the window `number` is another than the last time.
    fn share(&mut self, number: u64) -> f64 {
        if self.number != number {
            let shares = if self.failures < STEP { 0 } else { self.failures * SHARES / self.answers };
            #[allow(clippy::cast_precision_loss, reason = "at most SHARES")]
            let share = shares as f64 / SHARES as f64;
            *self = Self { number, answers: 0, failures: 0, share };
        }
        self.share
    }
}

impl Requests {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        let window = Window { number: clock.now() / WINDOW, ..Window::default() };
        Self { clock, durations: DurationFamily::default(), window: Mutex::new(window) }
    }

    /// To be published daily.
    pub(super) fn durations(&self) -> DurationFamily {
        self.durations.clone()
    }

    fn count(&self, route: &str, status: StatusCode) {
        if !PROBED.iter().any(|probed| route.ends_with(probed)) {
            let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
            window.count(status.is_server_error());
        }
    }
}

impl fmt::Debug for Requests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Requests").finish_non_exhaustive()
    }
}

impl Collector for Requests {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let number = self.clock.now() / WINDOW;
        let share = self.window.lock().unwrap_or_else(PoisonError::into_inner).share(number);
        let metric = encoder.encode_descriptor(
            "farthing_http_server_error_ratio",
            "Share of 5xx among the answers of the last five-minute window, in steps; 0 when few failed",
            None,
            MetricType::Gauge,
        )?;
        ConstGauge::new(share).encode(metric)
    }
}

/// Measures a request until the head of its answer is ready, where the listener has [`Requests`]; and records its trace,
/// where it has [`Traces`].
pub(crate) async fn measure(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let Some(requests) = request.app_data::<web::Data<Requests>>().cloned() else {
        return next.call(request).await;
    };
    let route = request.match_pattern().unwrap_or_else(|| "other".to_owned());
    let method = method_label(request.method());
    let recording = request.app_data::<web::Data<Traces>>().map(|traces| Traces::begin(traces));
    let begun = std::time::Instant::now();
    let answer = traces::within(recording.as_ref(), next.call(request)).await;
    let status = match &answer {
        Ok(response) => response.status(),
        Err(error) => error.as_response_error().status_code(),
    };
    requests.count(&route, status);
    let class = class_label(status);
    if let Some(recording) = recording {
        recording.finish(Kind { route: route.clone(), method, status: class });
    }
    let labels = vec![("route", route.into()), ("method", method.into()), ("status", class.into())];
    requests.durations.observe(labels, begun.elapsed());
    answer
}

/// A method may be any word that a client made up, so only those that are in use are told apart.
fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        _ => "other",
    }
}

fn class_label(status: StatusCode) -> &'static str {
    match status.as_u16() / 100 {
        1 => "1xx",
        2 => "2xx",
        3 => "3xx",
        4 => "4xx",
        5 => "5xx",
        // A site behind a gate may make up others.
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(answers: u64, failures: u64) -> f64 {
        let mut window = Window::default();
        for number in 0..answers {
            window.count(number < failures);
        }
        assert!(window.share(0).abs() < f64::EPSILON, "shown before its window has ended");
        window.share(1)
    }

    #[test]
    fn a_share_is_rounded_and_shown_when_its_window_has_ended() {
        for (answers, failures, share) in
            [(0, 0, 0.0), (9, 9, 0.0), (10, 10, 1.0), (100, 9, 0.0), (100, 14, 0.1), (1000, 49, 0.0)]
        {
            let shown = shown(answers, failures);
            assert!((shown - share).abs() < 1e-9, "{failures} of {answers}: {shown}");
        }
    }

    #[test]
    fn a_share_ends_with_the_next_window() {
        let mut window = Window::default();
        (0..20).for_each(|_| window.count(true));
        assert!(window.share(1) > 0.9 && window.share(1) > 0.9);
        assert!(window.share(2) < 0.1);
    }

    #[test]
    fn made_up_methods_are_one() {
        assert_eq!(method_label(&Method::GET), "GET");
        assert_eq!(method_label(&Method::from_bytes(b"SECRET").unwrap()), "other");
    }
}
