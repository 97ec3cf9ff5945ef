//! Reading request bodies: their media type, their length, and JSON.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use actix_web::web::Bytes;
use actix_web::{FromRequest, HttpMessage, HttpRequest, dev, web};
use farthing_api::ProblemKind;
use serde::de::DeserializeOwned;

use crate::decoding::Fault;
use crate::problem::ProblemResponse;
use crate::timeouts::Timeouts;
use crate::traces::{self, Part};

/// The media type of what HTML forms send.
pub const FORM: &str = "application/x-www-form-urlencoded";
/// The media type of [`JsonBody`].
const JSON: &str = "application/json";

/// The one of `accepted` that the request's body is, parameters aside.
///
/// # Errors
/// 415 when it is none of them, or is compressed.
pub fn media_type<'a>(request: &HttpRequest, accepted: &[&'a str]) -> Result<&'a str, ProblemResponse> {
    if request.headers().get(CONTENT_ENCODING).is_some_and(|coding| coding != "identity") {
        let detail = "compressed bodies are not read; send it without Content-Encoding";
        return Err(ProblemResponse::new(ProblemKind::MediaType, detail).in_field("Content-Encoding"));
    }
    let sent = request.content_type().trim();
    accepted.iter().copied().find(|accepted| accepted.eq_ignore_ascii_case(sent)).ok_or_else(|| {
        let detail = format!("send {}", accepted.join(" or "));
        ProblemResponse::new(ProblemKind::MediaType, detail).in_field("Content-Type")
    })
}

/// Reads a whole body of at most `limit` bytes.
///
/// # Errors
/// 413 when it is longer, at once if `Content-Length` says so; 400 when it does not arrive whole and in time.
pub async fn read_body(
    request: &HttpRequest,
    payload: web::Payload,
    limit: usize,
) -> Result<Bytes, ProblemResponse> {
    let too_long = || {
        ProblemResponse::new(ProblemKind::BodyTooLong, format!("send at most {limit} bytes")).in_field("body")
    };
    let length =
        request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| usize::try_from(length).map_or(true, |length| length > limit)) {
        return Err(too_long());
    }
    let _reading = traces::part(Part::Body);
    let time = request.app_data::<BodyTimeout>().copied().unwrap_or_default().0;
    match tokio::time::timeout(time, payload.to_bytes_limited(limit)).await {
        Ok(Ok(Ok(bytes))) => Ok(bytes),
        Ok(Ok(Err(_))) => Err(incomplete("the body ended before its length")),
        Ok(Err(_)) => Err(too_long()),
        Err(_) => Err(incomplete("the body did not arrive in time")),
    }
}

fn incomplete(detail: &str) -> ProblemResponse {
    ProblemResponse::new(ProblemKind::BadRequest, format!("{detail}; repeat the request")).in_field("body")
}

/// Reads JSON.
///
/// # Errors
/// 422 that names the member, and repeats none of the values.
pub fn decode_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ProblemResponse> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let fault = match error.inner().classify() {
            serde_json::error::Category::Data => Fault::new(error.path(), &without_place(error.inner())),
            _ => return not_json(error.inner()),
        };
        ProblemResponse::new(ProblemKind::Malformed, fault.reason)
            .in_field(fault.member.unwrap_or_else(|| "body".to_owned()))
    })?;
    deserializer.end().map_err(|error| not_json(&error))?;
    Ok(value)
}

fn not_json(error: &serde_json::Error) -> ProblemResponse {
    let detail = format!("the body is not JSON from line {} column {} on", error.line(), error.column());
    ProblemResponse::new(ProblemKind::Malformed, detail).in_field("body")
}

/// The message of `error` without the place that serde_json adds.
fn without_place(error: &serde_json::Error) -> String {
    let message = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    message.strip_suffix(&place).map_or(message.clone(), str::to_owned)
}

/// A JSON body of at most `LIMIT` bytes, 16 KiB unless said otherwise: answers 415, 413 and 422 by itself.
#[derive(Debug)]
pub struct JsonBody<T, const LIMIT: usize = 16_384>(pub T);

impl<T: DeserializeOwned + 'static, const LIMIT: usize> FromRequest for JsonBody<T, LIMIT> {
    type Error = ProblemResponse;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ProblemResponse>>>>;

    fn from_request(request: &HttpRequest, payload: &mut dev::Payload) -> Self::Future {
        let payload = web::Payload::from_request(request, payload);
        let request = request.clone();
        Box::pin(async move {
            media_type(&request, &[JSON])?;
            let payload = payload.await.map_err(|error| ProblemResponse::internal(&error))?;
            decode_json(&read_body(&request, payload, LIMIT).await?).map(Self)
        })
    }
}

/// How long a body may take, as the server was told.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BodyTimeout(pub(crate) Duration);

impl Default for BodyTimeout {
    fn default() -> Self {
        Self(Timeouts::default().request_body_seconds.duration())
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use farthing_api::{NewOrder, NewRedemption};
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn malformed(body: &str) -> (String, String) {
        let error = decode_json::<NewOrder>(body.as_bytes()).unwrap_err();
        let problem = error.problem();
        assert_eq!(problem.status, 422);
        (problem.field.clone().unwrap(), problem.detail.clone())
    }

    #[test]
    fn a_wrong_member_is_named_and_its_value_kept_back() {
        let claim = "A".repeat(43);
        for (body, field, detail) in [
            (r#"{"pack":"a","method":"voucher"}"#.to_owned(), "claim", "it is missing; add it"),
            (
                format!(r#"{{"pack":["s3cret"],"method":"voucher","claim":"{claim}"}}"#),
                "pack",
                "it must be a string",
            ),
            (r#"{"pack":"a","method":"b","claim":"s3cret!"}"#.to_owned(), "claim", "not base64url"),
            (
                r#"{"pack":"a","method":"b","claim":"AAEC"}"#.to_owned(),
                "claim",
                "3 bytes are the wrong length",
            ),
            (
                format!(r#"{{"pack":"a","method":"b","claim":"{claim}","code":"s3cret"}}"#),
                "code",
                "there is no such member; remove it or write one of `pack`, `method`, `claim`",
            ),
            (r#"{"pack":"#.to_owned(), "body", "the body is not JSON from line 1 column 8 on"),
            (String::new(), "body", "the body is not JSON from line 1 column 0 on"),
            (
                format!(r#"{{"pack":"a","method":"b","claim":"{claim}"}} s3cret"#),
                "body",
                "the body is not JSON from line 1 column 81 on",
            ),
        ] {
            assert_eq!(malformed(&body), (field.to_owned(), detail.to_owned()), "{body}");
        }
    }

    #[test]
    fn the_media_type_is_compared_without_case_and_parameters() {
        let accepted = ["application/json", "application/octet-stream"];
        let of = |value: &str| {
            let request = TestRequest::default().insert_header(("Content-Type", value)).to_http_request();
            media_type(&request, &accepted).map_err(|error| error.problem().detail.clone())
        };
        assert_eq!(of("Application/JSON; charset=utf-8"), Ok("application/json"));
        assert_eq!(of("application/octet-stream"), Ok("application/octet-stream"));
        let refused = Err("send application/json or application/octet-stream".to_owned());
        assert_eq!(of("text/plain"), refused);
        let none = TestRequest::default().to_http_request();
        assert_eq!(media_type(&none, &accepted).unwrap_err().problem().status, 415);
        let compressed = TestRequest::default()
            .insert_header(("Content-Type", "application/json"))
            .insert_header(("Content-Encoding", "gzip"))
            .to_http_request();
        let error = media_type(&compressed, &accepted).unwrap_err();
        assert_eq!(error.problem().field.as_deref(), Some("Content-Encoding"));
    }

    /// JSON in which each string holds the secret `s3cret` among anything else.
    fn secret_json() -> impl Strategy<Value = Value> {
        let text = ("\\PC{0,8}", "\\PC{0,8}")
            .prop_map(|(before, after)| format!("{before}, expected s3cret{after}"));
        text.prop_map(Value::from).prop_recursive(3, 8, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                inner.prop_map(|value| json!({"nested": value})),
            ]
        })
    }

    proptest! {
        #[test]
        fn no_value_is_repeated(secret in secret_json(), member in 0..5_usize) {
            let mut order = json!({"pack": "a", "method": "b", "claim": "A".repeat(43)});
            let mut redemption = json!({"tokens": [], "atomic": true});
            let member = ["pack", "method", "claim", "tokens", "atomic"][member];
            let document = if order.get(member).is_some() { &mut order } else { &mut redemption };
            document[member] = secret;
            let text = document.to_string();
            for refused in [
                decode_json::<NewOrder>(text.as_bytes()).err(),
                decode_json::<NewRedemption>(text.as_bytes()).err(),
                decode_json::<NewOrder>(&text.as_bytes()[..text.len() - 1]).err(),
            ].into_iter().flatten() {
                let problem = serde_json::to_string(refused.problem()).unwrap();
                prop_assert!(!problem.contains("s3cret"), "{}", problem);
            }
        }
    }
}
