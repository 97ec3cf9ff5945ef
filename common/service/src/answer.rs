//! What every answer of a service has in common.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderValue, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::middleware::Next;
use actix_web::{Error, HttpRequest, HttpResponse, ResponseError, web};
use farthing_api::ProblemKind;

use crate::problem::{ProblemResponse, not_found};
use crate::traces::{self, Part};

/// Put into the extensions of an answer that somebody else composed and that is passed on as it is.
#[derive(Debug, Clone, Copy)]
pub struct PassedOn;

/// The page that shows a problem where people read the answers, if it is about one of those; among the data of an
/// [`Api`](crate::openapi::Api) that has pages.
pub struct ProblemPages(pub fn(&HttpRequest, &ProblemResponse) -> Option<HttpResponse>);

/// Turns error answers of actix-web itself into problem documents, and problems into [`ProblemPages`] where people read them.
/// Sets the headers that each answer has: `Cache-Control: no-store` unless the handler allows more, and
/// `X-Content-Type-Options: nosniff`. What is [`PassedOn`] stays as it is.
pub(crate) async fn finish(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let mut response = next.call(request).await?.map_into_boxed_body();
    let _finishing = traces::part(Part::Answer);
    if response.response().extensions().contains::<PassedOn>() {
        return Ok(response);
    }
    if let Some(page) = page_of(&response) {
        let (request, _) = response.into_parts();
        response = ServiceResponse::new(request, page);
    }
    if response.status().as_u16() >= 400 && !is_composed(response.headers()) {
        let allow = response.headers().get(ALLOW).cloned();
        let problem = problem_of(response.status(), allow.as_ref());
        let (request, _) = response.into_parts();
        response = ServiceResponse::new(request, problem.error_response());
        if let Some(allow) = allow {
            response.headers_mut().insert(ALLOW, allow);
        }
    }
    let headers = response.headers_mut();
    if !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    Ok(response)
}

/// The page that shows the answer's problem, if it is one, and somebody reads it.
fn page_of(response: &ServiceResponse<BoxBody>) -> Option<HttpResponse> {
    let problem = response.response().error()?.as_error()?;
    let ProblemPages(show) = &***response.request().app_data::<web::Data<ProblemPages>>()?;
    show(response.request(), problem)
}

/// Whether a handler made this answer: actix-web's own have no body or one of plain text.
fn is_composed(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|value| !value.as_bytes().starts_with(b"text/plain"))
}

fn problem_of(status: StatusCode, allow: Option<&HeaderValue>) -> ProblemResponse {
    match status {
        StatusCode::NOT_FOUND => not_found(),
        StatusCode::METHOD_NOT_ALLOWED => {
            let detail = match allow.and_then(|allow| allow.to_str().ok()) {
                Some(allow) => format!("this path takes {allow}"),
                None => "this path takes other methods".to_owned(),
            };
            ProblemResponse::new(ProblemKind::MethodNotAllowed, detail)
        }
        status if status.is_server_error() => ProblemResponse::internal(&status),
        _ => ProblemResponse::new(
            ProblemKind::BadRequest,
            "compare the request with this service's documentation",
        ),
    }
}
