//! `GET /healthz`: the process runs. `GET /readyz`: it can do its work.

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use async_trait::async_trait;
use farthing_api::ProblemKind;

use crate::openapi::{Answer, Content, Operation, Resource};
use crate::problem::ProblemResponse;

/// Knows whether a service can do its work now.
#[async_trait]
pub trait Readiness: Send + Sync {
    /// Asks what the service depends on, within its timeouts.
    ///
    /// # Errors
    /// What is not ready, in words that anybody may read: name the part, not the cause. It is answered, not logged.
    async fn ready(&self) -> Result<(), String>;
}

/// The two paths.
pub fn resources(readiness: Arc<dyn Readiness>) -> [Resource; 2] {
    let ready = move || {
        let readiness = Arc::clone(&readiness);
        async move { ready(&*readiness).await }
    };
    [
        Resource::at("/healthz").get(
            Operation::new("healthz", "Whether the process runs")
                .answers(StatusCode::OK, Answer::new("It does.", Content::text(TEXT))),
            healthy,
        ),
        Resource::at("/readyz").get(
            Operation::new("readyz", "Whether the service can do its work")
                .answers(StatusCode::OK, Answer::new("It can.", Content::text(TEXT)))
                .problems(&[ProblemKind::Unavailable]),
            ready,
        ),
    ]
}

/// The media type of both answers.
const TEXT: &str = "text/plain; charset=utf-8";

async fn healthy() -> HttpResponse {
    text("ok\n")
}

async fn ready(readiness: &dyn Readiness) -> Result<HttpResponse, ProblemResponse> {
    match readiness.ready().await {
        Ok(()) => Ok(text("ready\n")),
        Err(reason) => Err(ProblemResponse::new(ProblemKind::Unavailable, reason)),
    }
}

fn text(body: &'static str) -> HttpResponse {
    HttpResponse::Ok().content_type(TEXT).body(body)
}
