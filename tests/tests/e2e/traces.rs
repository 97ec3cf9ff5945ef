//! Traces tell where the time of requests goes, and not when there was one.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::time::{Duration, Instant};

use farthing_tests::programs::Program;
use farthing_tests::{Order, ServiceProcess, http, key_of};
use opentelemetry_proto::tonic::trace::v1::Span;

use crate::collector::{Collector, HOUR, Hours, requests, spans, text};
use crate::world;

const PARTS: [&str; 6] = ["answer", "arithmetic.run", "arithmetic.wait", "body", "store.read", "store.write"];
const ATTRIBUTES: [&str; 3] = ["http.request.method", "http.response.status_class", "http.route"];
/// A trace that a caller claims to belong to.
const CALLERS_TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLERS_SPAN: &str = "00f067aa0ba902b7";

fn get(service: &ServiceProcess, path: &str) -> u16 {
    let parent = format!("00-{CALLERS_TRACE}-{CALLERS_SPAN}-01");
    let headers =
        [("traceparent", parent.as_str()), ("tracestate", "vendor=opaque"), ("baggage", "user=alice")];
    http::get(&format!("{}{path}", service.url()), &headers).unwrap().status
}

/// Looks at every field of the spans of one hour.
fn check(spans: &[&Span], start: u64) {
    let start = start * 1_000_000_000;
    let by_id: BTreeMap<_, _> = spans.iter().map(|span| (&span.span_id, span)).collect();
    assert_eq!(by_id.len(), spans.len(), "a span's id is there twice");
    for span in spans {
        assert!(span.trace_id.len() == 16 && span.span_id.len() == 8, "{span:?}");
        assert!(span.start_time_unix_nano <= span.end_time_unix_nano, "{span:?}");
        for time in [span.start_time_unix_nano, span.end_time_unix_nano] {
            assert!(time >= start && time.is_multiple_of(1_000_000), "{span:?}");
        }
        assert!(span.trace_state.is_empty() && span.flags == 0, "{span:?}");
        assert!(span.events.is_empty() && span.links.is_empty(), "{span:?}");
        let keys: BTreeSet<_> = span.attributes.iter().map(|pair| pair.key.as_str()).collect();
        let message = span.status.as_ref().map_or("", |status| status.message.as_str());
        assert!(message.is_empty(), "{span:?}");
        if span.parent_span_id.is_empty() {
            assert_eq!(span.start_time_unix_nano, start, "{span:?}");
            assert_eq!(keys, BTreeSet::from(ATTRIBUTES));
        } else {
            let request = by_id[&span.parent_span_id];
            assert_eq!(request.trace_id, span.trace_id);
            assert!(span.end_time_unix_nano <= request.end_time_unix_nano, "{span:?} {request:?}");
            assert!(PARTS.contains(&span.name.as_str()) && keys.is_empty(), "{span:?}");
        }
    }
    let traces: BTreeSet<_> = spans.iter().map(|span| &span.trace_id).collect();
    assert_eq!(traces.len(), requests(spans).values().sum::<usize>(), "two requests share a trace");
}

/// The names of the parts of all requests of one name.
fn parts_of<'a>(spans: &[&'a Span], name: &str) -> BTreeSet<&'a str> {
    let traces: BTreeSet<_> =
        spans.iter().filter(|span| span.name == name).map(|span| &span.trace_id).collect();
    let parts = spans
        .iter()
        .filter(|span| !span.parent_span_id.is_empty() && traces.contains(&span.trace_id))
        .map(|span| span.name.as_str());
    parts.collect()
}

#[test]
fn traces_come_after_their_hour_in_tens_without_times_and_names() {
    let world = world();
    let collectors = [Collector::start(), Collector::start()];
    collectors[0].configure(&world, Program::Issuer);
    collectors[1].configure(&world, Program::Redeemer);
    let mut hours = Hours::start(&world);
    let (issuer, redeemer) = (world.serve(Program::Issuer).unwrap(), world.serve(Program::Redeemer).unwrap());
    let publisher = world.publisher("Example").unwrap();
    let vouchers = world.vouchers("single", 12).unwrap();
    // The hour of the start was not seen whole.
    for _ in 0..20 {
        assert_eq!(get(&issuer, "/v1/packs"), 200);
    }

    let hour = hours.next();
    let key = key_of(&issuer.url(), 10_000).unwrap();
    for (number, voucher) in vouchers.iter().enumerate() {
        let mut order = Order::paid(&issuer.url(), "single", voucher).unwrap();
        let request = order.request(&key, 1).unwrap();
        let answer = order.send(&request).unwrap();
        let tokens = order.tokens(&key, &request, &answer).unwrap();
        for (idempotency_key, status) in [("article", 200), ("again", 409)] {
            let redeemed =
                publisher.redeem(&redeemer.url(), &format!("{idempotency_key}-{number}"), &tokens).unwrap();
            assert_eq!(redeemed.status, status);
        }
    }
    for number in 0..19 {
        assert_eq!(get(&issuer, &format!("/made-up-{number}")), 404);
        assert_eq!(get(&issuer, "/v1/packs"), 200);
    }
    for _ in 0..9 {
        assert_eq!(get(&redeemer, "/v1/keys"), 200);
    }
    for collector in &collectors {
        assert_eq!(collector.count(), 0, "traces came before the hour was over");
    }

    let next = hours.next();
    // Health is asked by nobody here, the directory once.
    collectors[0].wait_for(&[
        ("GET /v1/packs 2xx", 10),
        ("GET other 4xx", 10),
        ("POST /token-request 2xx", 10),
        ("POST /v1/orders 2xx", 10),
        ("POST /v1/orders/{id}/voucher 2xx", 10),
    ]);
    collectors[1].wait_for(&[("POST /v1/redemptions 2xx", 10), ("POST /v1/redemptions 4xx", 10)]);
    let messages = collectors.each_ref().map(|collector| collector.messages(0));
    let [of_issuer, of_redeemer] = messages.each_ref().map(|messages| spans(messages));
    for spans in [&of_issuer, &of_redeemer] {
        check(spans, hour);
    }
    assert_eq!(parts_of(&of_issuer, "POST /token-request"), BTreeSet::from(PARTS));
    assert_eq!(parts_of(&of_redeemer, "POST /v1/redemptions"), BTreeSet::from(PARTS));
    assert_eq!(parts_of(&of_issuer, "GET /v1/packs"), BTreeSet::from(["answer"]));

    for (messages, name) in messages.iter().zip(["farthing-issuer", "farthing-redeemer"]) {
        for resource in messages.iter().flat_map(|message| &message.resource_spans) {
            let attributes = resource.resource.as_ref().unwrap().attributes.iter();
            let attributes: Vec<_> =
                attributes.map(|pair| (pair.key.as_str(), text(pair.value.as_ref()))).collect();
            assert_eq!(attributes, [("service.name", name), ("service.version", env!("CARGO_PKG_VERSION"))]);
            assert!(resource.scope_spans.iter().all(|scope| scope.scope.is_none()));
        }
    }
    for collector in &collectors {
        let bytes = collector.bytes();
        for callers in [CALLERS_TRACE, CALLERS_SPAN] {
            let raw: Vec<_> = (0..callers.len())
                .step_by(2)
                .map(|at| u8::from_str_radix(&callers[at..at + 2], 16).unwrap())
                .collect();
            let found = [callers.as_bytes(), &raw]
                .iter()
                .any(|part| bytes.windows(part.len()).any(|window| window == *part));
            assert!(!found, "a caller's trace is taken up");
        }
        for head in collector.heads() {
            assert!(head.starts_with("post /v1/traces http/1.1\r\n"), "{head}");
            assert!(head.contains("content-type: application/x-protobuf\r\n"), "{head}");
            assert!(!head.contains("trace-") && !head.contains("traceparent"), "{head}");
        }
    }

    // What was left over does not come an hour later.
    let seen = collectors[0].count();
    for _ in 0..10 {
        assert_eq!(get(&issuer, "/v1/keys"), 404);
        assert_eq!(get(&issuer, "/v1/packs"), 200);
    }
    hours.next();
    collectors[0].wait_for_more_than(seen);
    let messages = collectors[0].messages(seen);
    let later = spans(&messages);
    check(&later, next);
    let expected = [("GET /v1/packs 2xx", 10), ("GET other 4xx", 10)];
    assert_eq!(requests(&later), expected.map(|(name, count)| (name.to_owned(), count)).into());
    assert_eq!(next, hour + HOUR);
}

#[test]
fn a_service_that_stops_sends_nothing_of_its_hour() {
    let world = world();
    let collector = Collector::start();
    collector.configure(&world, Program::Issuer);
    let mut hours = Hours::start(&world);
    let issuer = world.serve(Program::Issuer).unwrap();
    hours.next();
    for _ in 0..20 {
        assert_eq!(get(&issuer, "/v1/packs"), 200);
    }
    issuer.stop().unwrap();
    assert_eq!(collector.count(), 0);
}

#[test]
fn a_collector_that_is_down_costs_one_line_and_the_traces() {
    let world = world();
    let collector = Collector::start();
    collector.configure(&world, Program::Issuer);
    let mut hours = Hours::start(&world);
    let issuer = world.serve(Program::Issuer).unwrap();
    hours.next();
    for is_down in [true, true, false] {
        collector.set_down(is_down);
        for _ in 0..10 {
            assert_eq!(get(&issuer, "/v1/packs"), 200);
        }
        let seen = collector.count();
        hours.next();
        collector.wait_for_more_than(seen);
        assert_eq!(requests(&spans(&collector.messages(seen)))["GET /v1/packs 2xx"], 10);
    }
    let deadline = Instant::now() + Duration::from_secs(20);
    let log = loop {
        let log = fs::read_to_string(issuer.log()).unwrap();
        if log.contains("traces are sent again") {
            break log;
        }
        assert!(Instant::now() < deadline, "{log}");
        std::thread::sleep(Duration::from_millis(20));
    };
    let lines: Vec<_> = log.lines().filter(|line| line.contains("traces cannot be sent")).collect();
    assert_eq!(lines.len(), 1, "{log}");
    assert!(lines[0].contains("WARN") && lines[0].contains("the collector answered 503"), "{log}");
    issuer.stop().unwrap();
}
