use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;

use super::hours::HOUR;
use super::recording::TimedPart;
use super::*;
use crate::arithmetic::Arithmetic;

/// Twenty minutes into an hour.
const NOW: u64 = 480_000 * HOUR + 1_200;

struct SetClock(AtomicU64);

impl Clock for SetClock {
    fn now(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

fn kind(route: &str, status: &'static str) -> Kind {
    Kind { route: route.to_owned(), method: "POST", status }
}

fn trace(milliseconds: u32) -> Trace {
    Trace { milliseconds, parts: Vec::new() }
}

fn add(hours: &Hours, now: u64, kind: &Kind, times: u32) {
    for milliseconds in 0..times {
        hours.add(now, kind.clone(), trace(milliseconds));
    }
}

/// How many traces of each kind an hour that is over has to show, and its beginning.
fn ended(hours: &Hours, now: u64) -> Option<(u64, BTreeMap<Kind, usize>)> {
    let hour = hours.take_ended(now)?;
    let start = hour.start();
    let mut counts = BTreeMap::new();
    for (kind, _) in hour.in_tens().unwrap() {
        *counts.entry(kind).or_default() += 1;
    }
    Some((start, counts))
}

#[test]
fn an_hour_is_shown_once_when_it_is_over_in_tens_of_each_kind() {
    let hours = Hours::new(NOW, 50);
    let (good, bad, rare) = (kind("/a", "2xx"), kind("/a", "4xx"), kind("/b", "2xx"));
    let first = NOW - NOW % HOUR + HOUR;
    add(&hours, first, &good, 37);
    add(&hours, first + HOUR - 1, &bad, 90);
    // With the others of its route they would be ten; but they are a kind of their own.
    add(&hours, first + 60, &rare, 9);
    assert!(ended(&hours, first + HOUR - 1).is_none(), "shown before the hour was over");
    let (start, counts) = ended(&hours, first + HOUR).unwrap();
    assert_eq!(start, first);
    assert_eq!(counts, BTreeMap::from([(good.clone(), 30), (bad, 50)]));
    assert!(ended(&hours, first + HOUR).is_none(), "shown twice");

    // What was left over stays lost: the next hour has its own alone.
    add(&hours, first + HOUR, &good, 3);
    add(&hours, first + HOUR, &rare, 1);
    assert_eq!(ended(&hours, first + 2 * HOUR).unwrap().1, BTreeMap::new());
}

#[test]
fn an_hour_that_was_not_seen_whole_is_not_shown() {
    let hours = Hours::new(NOW, 50);
    let good = kind("/a", "2xx");
    add(&hours, NOW, &good, 40);
    assert!(ended(&hours, NOW + HOUR).is_none(), "the hour of the start is shown");
    add(&hours, NOW + HOUR, &good, 40);
    // The clock goes back: neither that hour is shown nor the one in which it then is.
    assert!(ended(&hours, NOW).is_none());
    add(&hours, NOW, &good, 40);
    assert!(ended(&hours, NOW + HOUR).is_none());
    add(&hours, NOW + HOUR, &good, 10);
    assert_eq!(ended(&hours, NOW + 2 * HOUR).unwrap().1, BTreeMap::from([(good, 10)]));
}

fn texts(attributes: &[KeyValue]) -> BTreeMap<&str, &str> {
    let text = |pair: &'_ KeyValue| match pair.value.as_ref().unwrap().value.as_ref().unwrap() {
        Value::StringValue(text) => text.clone(),
        other => panic!("{other:?}"),
    };
    attributes.iter().map(|pair| (pair.key.as_str(), &*text(pair).leak())).collect()
}

#[test]
fn a_message_has_the_hour_for_a_beginning_and_nothing_but_what_is_listed() {
    let parts = vec![
        TimedPart { part: Part::StoreWrite, begun: 7, ended: 11 },
        TimedPart { part: Part::Body, begun: 2, ended: 5 },
    ];
    let traces = [(kind("/a", "2xx"), Trace { milliseconds: 12, parts }), (kind("/a/{id}", "5xx"), trace(3))];
    let message = message::encode("issuer", "0.1.0", 480_000 * HOUR, &traces).unwrap();
    let message = ExportTraceServiceRequest::decode(message.as_slice()).unwrap();
    let [resource_spans] = message.resource_spans.as_slice() else { panic!("{message:?}") };
    let resource = texts(&resource_spans.resource.as_ref().unwrap().attributes);
    assert_eq!(resource, BTreeMap::from([("service.name", "farthing-issuer"), ("service.version", "0.1.0")]));
    let spans = &resource_spans.scope_spans[0].spans;

    let start = 480_000 * HOUR * 1_000_000_000;
    let times = |span: &Span| {
        [span.start_time_unix_nano, span.end_time_unix_nano].map(|time| (time - start) / 1_000_000)
    };
    let shown: Vec<_> = spans.iter().map(|span| (span.name.as_str(), times(span))).collect();
    assert_eq!(
        shown,
        [("POST /a", [0, 12]), ("body", [2, 5]), ("store.write", [7, 11]), ("POST /a/{id}", [0, 3])]
    );
    let request = BTreeMap::from([
        ("http.request.method", "POST"),
        ("http.response.status_class", "2xx"),
        ("http.route", "/a"),
    ]);
    assert_eq!(texts(&spans[0].attributes), request);
    assert!(spans[1].attributes.is_empty() && spans[2].attributes.is_empty());
    assert!(spans[0].status.is_none() && spans[3].status.as_ref().unwrap().code == 2);

    let ids: HashSet<_> = spans.iter().map(|span| &span.span_id).collect();
    assert_eq!(ids.len(), 4);
    assert!(spans[..3].iter().all(|span| span.trace_id == spans[0].trace_id && span.trace_id.len() == 16));
    assert_ne!(spans[3].trace_id, spans[0].trace_id);
    assert!(spans[0].parent_span_id.is_empty() && spans[3].parent_span_id.is_empty());
    assert!(spans[1..3].iter().all(|span| span.parent_span_id == spans[0].span_id));
}

#[tokio::test]
async fn the_parts_of_a_request_are_recorded_on_every_thread_and_only_there() {
    let clock = Arc::new(SetClock(AtomicU64::new(NOW)));
    let config = TracesConfig {
        otlp_endpoint: "http://127.0.0.1:4318".parse().unwrap(),
        traces_of_a_kind: config::TracesOfAKind::default(),
    };
    let traces = Traces::new(config, "issuer", "0.1.0", Arc::clone(&clock) as Arc<dyn Clock>);
    clock.0.fetch_add(HOUR, Ordering::Relaxed);
    let arithmetic = Arithmetic::with(1, 1).unwrap();
    for _ in 0..10 {
        let recording = traces.begin();
        within(Some(&recording), async {
            drop(part(Part::Body));
            while arithmetic.run(|| ()).await.is_err() {
                tokio::task::yield_now().await;
            }
        })
        .await;
        recording.finish(kind("/a", "2xx"));
    }
    assert!(part(Part::Body).is_none(), "recorded outside of a request");
    assert!(within(None, async { part(Part::Body).is_none() }).await, "recorded while traces are off");

    clock.0.fetch_add(HOUR, Ordering::Relaxed);
    let shown = traces.hours.take_ended(clock.now()).unwrap().in_tens().unwrap();
    assert_eq!(shown.len(), 10);
    for (_, trace) in shown {
        let parts: Vec<_> = trace.parts.iter().map(|timed| timed.part).collect();
        assert_eq!(parts, [Part::Body, Part::ArithmeticWait, Part::ArithmeticRun]);
        assert!(trace.parts.iter().all(|timed| timed.begun <= timed.ended));
        assert!(trace.parts.iter().all(|timed| timed.ended <= trace.milliseconds));
    }
}
