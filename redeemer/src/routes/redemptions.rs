use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use farthing_api::{IDEMPOTENCY_KEY_HEADER, NewRedemption, ProblemKind, RedemptionAnswer};
use farthing_service::body::{media_type, read_body};
use farthing_service::openapi::{Answer, Content, Link, Operation, Parameter, Resource};
use farthing_service::problem::ProblemResponse;
use serde::Deserialize;
use serde_json::json;

use super::{for_publishers, publisher};
use crate::redemption::{IdempotencyKey, MAX_BODY, RedemptionRequest};
use crate::service::Redeemer;

const JSON: &str = "application/json";
const OCTETS: &str = "application/octet-stream";

pub(super) fn resources() -> [Resource; 2] {
    [
        Resource::at("/v1/redemptions").post(creating(), create),
        Resource::at("/v1/redemptions/{key}").get(showing(), show),
    ]
}

fn creating() -> Operation {
    let operation = Operation::new("redeem", "Take tokens as payment")
        .described(
            "Each token is judged, and those that are taken are spent and credited in one step. An answer that took tokens \
             is kept for 48 hours: the same request under the same key gets it again, with `replayed`.",
        )
        .parameter(
            Parameter::header(IDEMPOTENCY_KEY_HEADER, "Makes the redemption repeatable; a new one for each.")
                .schema(idempotency_key_schema()).example("article-7.20261121-0930"),
        )
        .parameter(
            Parameter::query(
                "atomic",
                "Of tokens in octets: whether all are taken or none, `true` unless said otherwise. JSON says it itself.",
            )
            .schema(json!({ "type": "boolean" })),
        )
        .takes::<NewRedemption>()
        .takes_content(Content::bytes(OCTETS));
    let again = Link { operation: "redemption", parameter: "key", value: "$request.header.Idempotency-Key" };
    for_publishers(with_answers(operation)).answers(StatusCode::OK, Answer::default().link(again)).problems(
        &[
            ProblemKind::IdempotencyKeyMissing,
            ProblemKind::IdempotencyKeyReused,
            ProblemKind::TokenCount,
            ProblemKind::TooManyInvalidTokens,
            ProblemKind::TooManyRedemptions,
            ProblemKind::TooManyKeptAnswers,
        ],
    )
}

fn showing() -> Operation {
    let operation = Operation::new("redemption", "Show the answer to a redemption again").parameter(
        Parameter::path("key", "The redemption's Idempotency-Key.")
            .schema(idempotency_key_schema())
            .example("article-7.20261121-0930"),
    );
    for_publishers(with_answers(operation))
        .problems(&[ProblemKind::IdempotencyKeyMissing, ProblemKind::RedemptionUnknown])
}

fn with_answers(operation: Operation) -> Operation {
    operation.answers(StatusCode::OK, Answer::json::<RedemptionAnswer>("Every token was taken.")).answers(
        StatusCode::CONFLICT,
        Answer::json::<RedemptionAnswer>("A token was not taken; the results say why."),
    )
}

fn idempotency_key_schema() -> serde_json::Value {
    json!({ "type": "string", "pattern": "^[!-~]([ -~]{0,253}[!-~])?$" })
}

/// What the binary form says beside the body.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    atomic: Option<bool>,
}

async fn create(
    redeemer: web::Data<Redeemer>,
    request: HttpRequest,
    parameters: web::Query<Parameters>,
    payload: web::Payload,
) -> Result<HttpResponse, ProblemResponse> {
    let form = media_type(&request, &[JSON, OCTETS])?;
    let publisher = publisher(&redeemer, &request).await?;
    let key = idempotency_key(&request)?;
    let body = read_body(&request, payload, MAX_BODY).await?;
    let redemption = match (form, parameters.atomic) {
        (OCTETS, atomic) => RedemptionRequest::from_octets(&body, atomic.unwrap_or(true))?,
        (_, None) => RedemptionRequest::from_json(&body)?,
        (_, Some(_)) => {
            let detail = "a JSON body says `atomic` itself; leave it out of the query";
            return Err(ProblemResponse::new(ProblemKind::BadRequest, detail).in_field("atomic"));
        }
    };
    Ok(response(&redeemer.redeem(publisher, &key, redemption).await?))
}

async fn show(
    redeemer: web::Data<Redeemer>,
    request: HttpRequest,
    key: web::Path<String>,
) -> Result<HttpResponse, ProblemResponse> {
    let publisher = publisher(&redeemer, &request).await?;
    let key = IdempotencyKey::parse(key.as_bytes()).ok_or_else(out_of_form)?;
    Ok(response(&redeemer.kept_answer(publisher, &key).await?))
}

/// 200 only when every token was taken.
fn response(answer: &RedemptionAnswer) -> HttpResponse {
    let taken = usize::try_from(answer.accepted).is_ok_and(|accepted| accepted == answer.results.len());
    HttpResponse::build(if taken { StatusCode::OK } else { StatusCode::CONFLICT }).json(answer)
}

/// The one `Idempotency-Key` header.
fn idempotency_key(request: &HttpRequest) -> Result<IdempotencyKey, ProblemResponse> {
    let mut values = request.headers().get_all(IDEMPOTENCY_KEY_HEADER);
    match (values.next(), values.next()) {
        (Some(value), None) => IdempotencyKey::parse(value.as_bytes()).ok_or_else(out_of_form),
        _ => Err(out_of_form()),
    }
}

fn out_of_form() -> ProblemResponse {
    let detail =
        "send one Idempotency-Key of 1 to 255 printable ASCII characters, a new one for each redemption";
    ProblemResponse::new(ProblemKind::IdempotencyKeyMissing, detail).in_field(IDEMPOTENCY_KEY_HEADER)
}
