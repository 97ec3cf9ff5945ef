use std::io;

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::http::header as actix;
use actix_web::http::{Method, StatusCode, Version};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, web};
use farthing_api::ProblemKind;
use farthing_service::answer::PassedOn;
use farthing_service::duration::Seconds;
use farthing_service::problem::ProblemResponse;
use farthing_service::sort_keys;
use http::header::{CONNECTION, CONTENT_LENGTH, HeaderMap, HeaderValue, TRANSFER_ENCODING, UPGRADE};
use http::uri::PathAndQuery;
use http_body_util::{BodyExt, Empty};
use serde::Deserialize;

use super::access::Access;
use super::answer_body::AnswerBody;
use super::connections::Connections;
use super::headers::{self, Said};
use super::request_body::{self, Unfinished};
use super::seen::Seen;
use super::websocket;
use crate::origin::Origin;
use crate::redeemer::causes;

/// The table `upstream`: the site, for which the gate is a reverse proxy.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpstreamConfig {
    /// Where the site is.
    pub url: Origin,
    /// Whether the site learns its readers' addresses. Not unless said otherwise.
    #[serde(default)]
    pub forward_client_address: bool,
    /// How long connecting may take. 5 unless said otherwise.
    #[serde(default)]
    pub connect_seconds: Seconds<5>,
    /// How long the site may take until it begins to answer. 60 unless said otherwise.
    #[serde(default)]
    pub answer_seconds: Seconds<60>,
    /// How long either side may be silent within a body, and the site on a WebSocket whose reader has ended. 300 unless said
    /// otherwise.
    #[serde(default)]
    pub idle_seconds: Seconds<300>,
}

sort_keys!(UpstreamConfig {
    running: [],
    restart: [url, forward_client_address, connect_seconds, answer_seconds, idle_seconds],
    tables: [],
});

/// The site behind the gate.
pub(crate) struct Upstream {
    config: UpstreamConfig,
    connections: Connections,
}

impl Upstream {
    /// The site that the configuration names; no connection is made yet.
    ///
    /// # Errors
    /// Over https, the system's certificate authorities cannot be read.
    pub(crate) fn new(config: &UpstreamConfig) -> io::Result<Self> {
        let connections = Connections::new(&config.url, config.connect_seconds.duration())?;
        Ok(Self { config: config.clone(), connections })
    }

    /// Sends a request on, with this path in place of its own, and answers what the site answers.
    ///
    /// # Errors
    /// 502: the site does not answer. 400: the client did not finish its body.
    pub(crate) async fn pass_on(
        &self,
        request: &HttpRequest,
        payload: web::Payload,
        path_and_query: &str,
        seen: &Seen<'_>,
        access: Access,
    ) -> Result<HttpResponse, ProblemResponse> {
        let path: PathAndQuery = path_and_query.parse().map_err(|error| away(&error))?;
        let said = Said {
            authority: seen.authority,
            scheme: seen.scheme,
            client: self.config.forward_client_address.then(|| seen.client()).flatten(),
            access,
        };
        let mut sent = headers::to_site(request.headers(), &said);
        let idle = self.config.idle_seconds.duration();
        let upgrades = request.method() == Method::GET
            && request.version() == Version::HTTP_11
            && headers::wants_websocket(request.headers());
        let (mut left, unfinished) = (None, Unfinished::default());
        let body = if upgrades {
            sent.insert(CONNECTION, HeaderValue::from_static("upgrade"));
            sent.insert(UPGRADE, HeaderValue::from_static("websocket"));
            left = Some(payload);
            Empty::new().map_err(|never| match never {}).boxed_unsync()
        } else {
            request_body::of(request, payload, idle, &unfinished)
        };
        if hyper::body::Body::size_hint(&body).exact().is_none() {
            // Said outright, because otherwise hyper sends no body with a GET.
            sent.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
        }
        let method =
            http::Method::from_bytes(request.method().as_str().as_bytes()).map_err(|error| away(&error))?;
        let mut onward = http::Request::new(body);
        *onward.method_mut() = method;
        *onward.uri_mut() = path.into();
        *onward.headers_mut() = sent;
        let answered =
            tokio::time::timeout(self.config.answer_seconds.duration(), self.connections.send(onward)).await;
        let (mut answer, connection) = match answered {
            Ok(Ok(answered)) => answered,
            Ok(Err(_)) if unfinished.get() => {
                let detail = "the body did not arrive; repeat the request";
                return Err(ProblemResponse::new(ProblemKind::BadRequest, detail).in_field("body"));
            }
            Ok(Err(error)) => return Err(away(&causes(&error))),
            Err(_) => return Err(away(&"it did not begin to answer in time")),
        };
        let status = StatusCode::from_u16(answer.status().as_u16()).map_err(|error| away(&error))?;
        if status == StatusCode::SWITCHING_PROTOCOLS {
            let Some(payload) = left else { return Err(away(&"it switched protocols unasked")) };
            let stream = websocket::connect(hyper::upgrade::on(&mut answer), payload, idle);
            let mut onward = begin(status, answer.headers_mut());
            return Ok(passed_on(onward.upgrade("websocket"), stream));
        }
        let head = request.method() == Method::HEAD;
        let (mut parts, incoming) = answer.into_parts();
        let size = size(head, &parts.headers, hyper::body::Body::size_hint(&incoming).exact());
        if status != StatusCode::NOT_MODIFIED {
            parts.headers.remove(CONTENT_LENGTH);
        }
        let mut onward = begin(status, &mut parts.headers);
        // A client of HTTP/1.0 knows no chunks: a body of unknown length ends with the connection.
        let to_the_end = size == BodySize::Stream && request.version() < Version::HTTP_11;
        if to_the_end {
            onward.force_close();
        }
        let mut answer = passed_on(&mut onward, AnswerBody::new(incoming, connection, size, idle));
        answer.head_mut().no_chunking(to_the_end);
        Ok(answer)
    }
}

/// How long the client is told that the body is: to a HEAD as long as the site says that it would be.
fn size(head: bool, headers: &HeaderMap, exact: Option<u64>) -> BodySize {
    let told = || headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    match if head { told() } else { exact } {
        Some(length) => BodySize::Sized(length),
        None if head => BodySize::None,
        None => BodySize::Stream,
    }
}

/// An answer with the site's status and headers.
fn begin(status: StatusCode, headers: &mut HeaderMap) -> HttpResponseBuilder {
    let mut answer = HttpResponse::build(status);
    for (name, value) in headers::to_client(headers) {
        let name = actix::HeaderName::from_bytes(name.as_str().as_bytes());
        let value = actix::HeaderValue::from_bytes(value.as_bytes());
        if let (Ok(name), Ok(value)) = (name, value) {
            answer.append_header((name, value));
        }
    }
    answer
}

fn passed_on(answer: &mut HttpResponseBuilder, body: impl MessageBody + 'static) -> HttpResponse {
    let mut answer: HttpResponse<BoxBody> = answer.body(body);
    answer.extensions_mut().insert(PassedOn);
    answer
}

/// The site does not answer. What it says goes into the log at most now and then: a line for each request would tell when
/// there was one.
fn away(cause: &dyn std::fmt::Display) -> ProblemResponse {
    ProblemResponse::upstream_away(cause)
}
