use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use farthing_api::{Base64Url, ProblemKind, TOKEN_KEY_ID_HEADER};
use farthing_protocol::{
    AmortizedBatchTokenRequest, AmortizedBatchTokenResponse, TokenKeyId, TokenRequest, TokenResponse,
};
use farthing_service::body::{media_type, read_body};
use farthing_service::openapi::{Answer, Content, Operation, Parameter, Resource};
use farthing_service::problem::ProblemResponse;

use super::{CLAIM, claim};
use crate::issuance::{Form, Received};
use crate::service::Issuer;

/// Where token requests go, as the directory says.
pub(super) const PATH: &str = "/token-request";
/// The longest body: type, truncated id, length of four bytes, and the largest pack's elements.
const LONGEST_BODY: usize = 7 + 32 * 10_000;

pub(super) fn resource() -> Resource {
    let operation = Operation::new("token-request", "Have the tokens of a paid order signed")
        .described(
            "The order is spent on this request. The same request again gets the same evaluated elements, another is \
             refused. The bodies are those of RFC 9578 and of the draft on amortized batches.",
        )
        .secured_by(&[&CLAIM])
        .parameter(
            Parameter::header(
                TOKEN_KEY_ID_HEADER,
                "The whole token key id, 32 bytes as base64url, which guards against a truncated one that names another \
                 key.",
            )
            .optional()
            .of::<Base64Url<[u8; 32]>>(),
        )
        .takes_content(Content::bytes(TokenRequest::MEDIA_TYPE))
        .takes_content(Content::bytes(AmortizedBatchTokenRequest::MEDIA_TYPE))
        .answers(
            StatusCode::OK,
            Answer::new(
                "The evaluated elements and their proof, in the form that was asked in.",
                Content::bytes(TokenResponse::MEDIA_TYPE),
            )
            .or(Content::bytes(AmortizedBatchTokenResponse::MEDIA_TYPE)),
        )
        .problems(&[
            ProblemKind::ClaimUnknown,
            ProblemKind::OrderUnpaid,
            ProblemKind::OrderUsed,
            ProblemKind::Malformed,
            ProblemKind::TokenType,
            ProblemKind::InvalidElement,
            ProblemKind::ElementCount,
            ProblemKind::KeyUnknown,
            ProblemKind::KeyMismatch,
            ProblemKind::KeyNotIssuing,
            ProblemKind::KeyEnded,
            ProblemKind::WrongDenomination,
            ProblemKind::TooManyRepetitions,
            ProblemKind::Unavailable,
        ]);
    Resource::at(PATH).post(operation, issue)
}

async fn issue(
    issuer: web::Data<Issuer>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, ProblemResponse> {
    let form = Form::of_media_type(media_type(&request, &Form::MEDIA_TYPES)?);
    let claim = claim(&request)?;
    let named = named_key(&request)?;
    // Whoever owns no order, or repeats too often, is refused before a long body is read.
    let is_repetition = issuer.owned_order(claim).await?.binding().is_some();
    if is_repetition {
        issuer.limits.take_repetition(claim, issuer.environment.now())?;
    }
    let body = read_body(&request, payload, LONGEST_BODY).await?;
    let received = Received::decode(form, &body, named)?;
    let answer = issuer.issue(claim, received, is_repetition).await?;
    Ok(HttpResponse::Ok().content_type(form.answer_media_type()).body(answer))
}

/// The full key id of the header, if it was sent.
fn named_key(request: &HttpRequest) -> Result<Option<TokenKeyId>, ProblemResponse> {
    let Some(value) = request.headers().get(TOKEN_KEY_ID_HEADER) else { return Ok(None) };
    value.to_str().ok().and_then(|text| text.parse().ok()).map(Some).ok_or_else(|| {
        let detail = "send the 32-byte token key id as base64url, or leave the header out";
        ProblemResponse::new(ProblemKind::Malformed, detail).in_field(TOKEN_KEY_ID_HEADER)
    })
}
