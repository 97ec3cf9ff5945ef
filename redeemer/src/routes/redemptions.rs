use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use farthing_api::{IDEMPOTENCY_KEY_HEADER, ProblemKind, RedemptionAnswer};
use farthing_service::body::{media_type, read_body};
use farthing_service::problem::ProblemResponse;
use serde::Deserialize;

use super::publisher;
use crate::redemption::{IdempotencyKey, MAX_BODY, RedemptionRequest};
use crate::service::Redeemer;

const JSON: &str = "application/json";
const OCTETS: &str = "application/octet-stream";

pub(super) fn configure(routes: &mut web::ServiceConfig) {
    routes
        .service(web::resource("/v1/redemptions").post(create))
        .service(web::resource("/v1/redemptions/{key}").get(show));
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
