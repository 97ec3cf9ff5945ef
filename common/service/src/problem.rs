//! Error answers: problem details of RFC 9457, the same from every path of every service.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpRequest, HttpResponse, ResponseError, web};
use farthing_api::{PROBLEM_MEDIA_TYPE, Problem, ProblemKind};

use crate::arithmetic::ArithmeticError;
use crate::unavailable::Unavailable;

/// An error of a handler, answered as a problem document. A 401 says `WWW-Authenticate: Bearer`, a 429 and a 503
/// `Retry-After`, of one second unless [`retry_after`](Self::retry_after) says otherwise.
///
/// Whatever caused it inside is logged here, by [`internal`](Self::internal) and
/// [`unavailable`](Self::unavailable), and is not part of the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProblemResponse {
    problem: Box<Problem>,
    retry_after: u64,
}

impl ProblemResponse {
    /// The problem of `kind`; `detail` says what was wrong in this request and what to do about it.
    pub fn new(kind: ProblemKind, detail: impl Into<String>) -> Self {
        Problem::new(kind, detail).into()
    }

    /// Names the part of the request that was wrong: a JSON member, a header, or a member of a binary message.
    #[must_use]
    pub fn in_field(self, field: impl Into<String>) -> Self {
        Self { problem: Box::new(self.problem.in_field(field)), ..self }
    }

    /// Says after how many seconds the same request may succeed; only a 429 and a 503 tell.
    #[must_use]
    pub fn retry_after(self, seconds: u64) -> Self {
        Self { retry_after: seconds, ..self }
    }

    /// A defect: 500. Logs `cause`, which must name no secret and nothing of the request.
    pub fn internal(cause: &dyn fmt::Display) -> Self {
        tracing::error!(%cause, "the service failed");
        Self::new(
            ProblemKind::Internal,
            "this is a defect of the service; its operator finds the cause in its log",
        )
    }

    /// Something needed does not answer: 503. Logs `cause`, which must name no secret and nothing of the request,
    /// but not for every request: the log says that there is an outage, not who met it when.
    pub fn unavailable(cause: &dyn fmt::Display) -> Self {
        if OUTAGE.is_due() {
            tracing::error!(%cause, "the service is unavailable");
        }
        Self::new(
            ProblemKind::Unavailable,
            "nothing is known of the outcome; repeat the same request, which is safe",
        )
    }

    /// The site behind a gate does not answer: 502. Logs `cause` as [`unavailable`](Self::unavailable) does.
    pub fn upstream_away(cause: &dyn fmt::Display) -> Self {
        if UPSTREAM_AWAY.is_due() {
            tracing::error!(%cause, "the site behind the gate does not answer");
        }
        Self::new(
            ProblemKind::UpstreamAway,
            "the site cannot be reached from its gate; repeat the request later; what was paid for stays paid",
        )
    }

    /// What is answered.
    pub fn problem(&self) -> &Problem {
        &self.problem
    }
}

impl From<Problem> for ProblemResponse {
    fn from(problem: Problem) -> Self {
        Self { problem: Box::new(problem), retry_after: 1 }
    }
}

impl From<ArithmeticError> for ProblemResponse {
    fn from(error: ArithmeticError) -> Self {
        match error {
            ArithmeticError::Overloaded => Self::unavailable(&error),
            ArithmeticError::Panicked => Self::internal(&error),
        }
    }
}

impl From<Unavailable> for ProblemResponse {
    fn from(error: Unavailable) -> Self {
        Self::unavailable(&error)
    }
}

impl std::error::Error for ProblemResponse {}

impl fmt::Display for ProblemResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Problem { status, title, detail, .. } = &*self.problem;
        write!(f, "{status} {title}: {detail}")
    }
}

impl ResponseError for ProblemResponse {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse<BoxBody> {
        let status = self.status_code();
        let mut response = HttpResponse::build(status);
        match status {
            StatusCode::UNAUTHORIZED => _ = response.insert_header((WWW_AUTHENTICATE, "Bearer")),
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => {
                _ = response.insert_header((RETRY_AFTER, self.retry_after));
            }
            _ => {}
        }
        response.insert_header(("Content-Type", PROBLEM_MEDIA_TYPE)).json(&*self.problem)
    }
}

/// Makes actix-web's own extractors for paths and queries, and unknown paths, answer problem documents.
pub(crate) fn configure(routes: &mut web::ServiceConfig) {
    routes
        // A path whose variable part cannot be read names nothing.
        .app_data(web::PathConfig::default().error_handler(|_, _| not_found().into()))
        .app_data(web::QueryConfig::default().error_handler(|error, _| {
            ProblemResponse::new(ProblemKind::BadRequest, error.to_string()).in_field("query").into()
        }))
        .default_service(web::to(|_: HttpRequest| async { not_found().error_response() }));
}

/// The site behind a gate broke off within an answer, of which no problem can be told any more. Logs `cause` as
/// [`ProblemResponse::unavailable`] does.
pub fn upstream_broke_off(cause: &dyn fmt::Display) {
    if UPSTREAM_BROKE_OFF.is_due() {
        tracing::error!(%cause, "the site behind the gate broke off an answer");
    }
}

/// There is nothing at this path.
pub fn not_found() -> ProblemResponse {
    ProblemResponse::new(
        ProblemKind::NotFound,
        "this service has no such path; compare it with its documentation",
    )
}

/// When the last line about an outage was written.
static OUTAGE: Occasion = Occasion(Mutex::new(None));
/// The same about the site behind a gate.
static UPSTREAM_AWAY: Occasion = Occasion(Mutex::new(None));
/// The same about what it broke off.
static UPSTREAM_BROKE_OFF: Occasion = Occasion(Mutex::new(None));

/// Comes round at most every ten seconds.
struct Occasion(Mutex<Option<Instant>>);

impl Occasion {
    fn is_due(&self) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let due = last.is_none_or(|last| last.elapsed() >= Duration::from_secs(10));
        if due {
            *last = Some(Instant::now());
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[actix_web::test]
    async fn the_answer_is_the_problem_and_nothing_of_its_cause() {
        let response = ProblemResponse::unavailable(&"/var/lib/issuer.db vanished").error_response();
        assert_eq!(response.status(), 503);
        assert_eq!(response.headers().get("retry-after").unwrap(), "1");
        assert_eq!(response.headers().get("content-type").unwrap(), "application/problem+json");
        let body = actix_web::body::to_bytes(response.into_body()).await.unwrap();
        let problem: Problem = serde_json::from_slice(&body).unwrap();
        assert_eq!(problem.kind, "urn:farthing:problem:unavailable");
        assert!(!problem.detail.contains("issuer.db"));
    }

    #[test]
    fn a_401_says_how_to_authenticate() {
        let response = ProblemResponse::new(ProblemKind::ClaimUnknown, "x").error_response();
        assert_eq!(response.headers().get("www-authenticate").unwrap(), "Bearer");
        assert!(response.headers().get("retry-after").is_none());
    }

    #[test]
    fn a_429_says_how_long_to_wait() {
        for (problem, seconds) in [
            (ProblemResponse::new(ProblemKind::TooManyRequests, "x").retry_after(60).in_field("y"), "60"),
            (ProblemResponse::new(ProblemKind::TooManyOrders, "x").retry_after(3_600), "3600"),
            (ProblemResponse::new(ProblemKind::TooManyRequests, "x"), "1"),
        ] {
            assert_eq!(problem.error_response().headers().get("retry-after").unwrap(), seconds);
        }
    }

    #[test]
    fn every_kind_is_answered_with_its_status_and_field() {
        for kind in ProblemKind::ALL {
            let problem = ProblemResponse::new(*kind, "x").in_field("y");
            assert_eq!(problem.error_response().status(), kind.status());
            assert_eq!(problem.problem().field.as_deref(), Some("y"));
        }
    }

    #[test]
    fn an_outage_is_logged_now_and_then() {
        let occasion = Occasion(Mutex::new(None));
        assert!(occasion.is_due());
        assert!(!occasion.is_due());
    }
}
