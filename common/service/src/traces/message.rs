//! Traces as OTLP messages. Nothing is in them that is not written here.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use prost::Message;

use super::Kind;
use super::random;
use super::recording::Trace;

const NANOSECONDS_PER_SECOND: u64 = 1_000_000_000;
const NANOSECONDS_PER_MILLISECOND: u64 = 1_000_000;

/// An `ExportTraceServiceRequest` with `traces`, each as if it had begun at `start` (unix seconds).
pub(super) fn encode(
    service: &str,
    version: &str,
    start: u64,
    traces: &[(Kind, Trace)],
) -> Result<Vec<u8>, getrandom::Error> {
    let mut spans = Vec::new();
    for (kind, trace) in traces {
        spans.extend(spans_of(start, kind, trace)?);
    }
    let attributes =
        vec![attribute("service.name", format!("farthing-{service}")), attribute("service.version", version)];
    let resource = Resource { attributes, ..Resource::default() };
    let scope_spans = vec![ScopeSpans { spans, ..ScopeSpans::default() }];
    let resource_spans =
        vec![ResourceSpans { resource: Some(resource), scope_spans, ..ResourceSpans::default() }];
    Ok(ExportTraceServiceRequest { resource_spans }.encode_to_vec())
}

/// The request's span, then those of its parts in the order in which they began. Ids are new ones, of no meaning.
fn spans_of(start: u64, kind: &Kind, trace: &Trace) -> Result<Vec<Span>, getrandom::Error> {
    let at = |milliseconds: u32| {
        start * NANOSECONDS_PER_SECOND + u64::from(milliseconds) * NANOSECONDS_PER_MILLISECOND
    };
    let (trace_id, request_id) = (random::id::<16>()?, random::id::<8>()?);
    let failed = kind.status == "5xx";
    let mut spans = vec![Span {
        trace_id: trace_id.clone(),
        span_id: request_id.clone(),
        name: format!("{} {}", kind.method, kind.route),
        kind: SpanKind::Server.into(),
        start_time_unix_nano: at(0),
        end_time_unix_nano: at(trace.milliseconds),
        attributes: vec![
            attribute("http.route", kind.route.as_str()),
            attribute("http.request.method", kind.method),
            attribute("http.response.status_class", kind.status),
        ],
        status: failed.then(|| Status { message: String::new(), code: StatusCode::Error.into() }),
        ..Span::default()
    }];
    let mut parts: Vec<_> = trace.parts.iter().collect();
    parts.sort_by_key(|part| part.begun);
    for part in parts {
        spans.push(Span {
            trace_id: trace_id.clone(),
            span_id: random::id::<8>()?,
            parent_span_id: request_id.clone(),
            name: part.part.name().to_owned(),
            kind: SpanKind::Internal.into(),
            start_time_unix_nano: at(part.begun),
            end_time_unix_nano: at(part.ended),
            ..Span::default()
        });
    }
    Ok(spans)
}

fn attribute(key: &str, value: impl Into<String>) -> KeyValue {
    let value = AnyValue { value: Some(any_value::Value::StringValue(value.into())) };
    KeyValue { key: key.to_owned(), value: Some(value), ..KeyValue::default() }
}
