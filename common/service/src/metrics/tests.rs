use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use farthing_protocol::SECONDS_PER_DAY;

use super::*;

struct SetClock(AtomicU64);

impl Clock for SetClock {
    fn now(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

fn metrics() -> (Metrics, Arc<SetClock>) {
    let clock = Arc::new(SetClock(AtomicU64::new(20_000 * SECONDS_PER_DAY + 7)));
    (Metrics::new("issuer", "0.1.0", Arc::clone(&clock) as Arc<dyn Clock>), clock)
}

#[test]
fn the_text_names_the_build_the_start_and_every_alarm() {
    let (metrics, clock) = metrics();
    clock.0.fetch_add(60, Ordering::Relaxed);
    metrics.set_alarm(Alarm::STORE, true);
    metrics.set_alarm(Alarm::new("signing"), true);
    let text = metrics.encode().unwrap();
    for line in [
        "farthing_build_info{service=\"issuer\",version=\"0.1.0\"} 1",
        "process_start_time_seconds 1728000007",
        "farthing_alarm{kind=\"keyring\"} 0",
        "farthing_alarm{kind=\"store\"} 1",
        "farthing_alarm{kind=\"signing\"} 1",
        "farthing_http_server_error_ratio 0.0",
    ] {
        assert!(text.lines().any(|other| other == line), "{line} in {text}");
    }
    assert!(metrics.alarm(Alarm::STORE) && !metrics.alarm(Alarm::KEYRING));
}

#[test]
fn a_service_adds_its_own() {
    let (metrics, _) = metrics();
    metrics.register(|registry| registry.register("keys", "Keys held", Gauge::<i64>::default()));
    assert!(metrics.encode().unwrap().contains("keys 0"));
}

#[test]
fn counts_change_once_a_day_and_by_tens() {
    let (metrics, clock) = metrics();
    let family = DurationFamily::default();
    metrics.publish_daily("asked_seconds", "Asked", family.clone());
    let ask = |times: u32| {
        for _ in 0..times {
            family.observe(vec![("of", "store".into())], Duration::from_millis(20));
        }
    };
    let empty = metrics.encode().unwrap();
    ask(37);
    clock.0.fetch_add(3_600, Ordering::Relaxed);
    assert_eq!(metrics.encode().unwrap(), empty, "moved within its first day");

    clock.0.fetch_add(SECONDS_PER_DAY, Ordering::Relaxed);
    let second = metrics.encode().unwrap();
    for line in [
        "# TYPE asked_seconds histogram",
        "asked_seconds_count{of=\"store\"} 30",
        "asked_seconds_bucket{le=\"0.01\",of=\"store\"} 0",
        "asked_seconds_bucket{le=\"0.05\",of=\"store\"} 30",
        "asked_seconds_bucket{le=\"+Inf\",of=\"store\"} 30",
        "asked_seconds_sum{of=\"store\"} 0.0",
    ] {
        assert!(second.lines().any(|other| other == line), "{line} in {second}");
    }
    ask(1_000);
    clock.0.fetch_add(3_600, Ordering::Relaxed);
    assert_eq!(metrics.encode().unwrap(), second, "moved within a day");
    clock.0.fetch_add(SECONDS_PER_DAY, Ordering::Relaxed);
    assert!(metrics.encode().unwrap().contains("asked_seconds_count{of=\"store\"} 1030"));
}
