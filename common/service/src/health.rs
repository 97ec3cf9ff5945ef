//! `GET /healthz`: the process runs. `GET /readyz`: it can do its work.

use std::sync::Arc;

use actix_web::{HttpResponse, web};
use async_trait::async_trait;
use farthing_api::ProblemKind;

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

/// Adds the two paths.
pub fn configure(routes: &mut web::ServiceConfig, readiness: Arc<dyn Readiness>) {
    routes
        .service(web::resource("/healthz").get(healthy))
        .service(web::resource("/readyz").app_data(web::Data::from(readiness)).get(ready));
}

async fn healthy() -> HttpResponse {
    text("ok\n")
}

async fn ready(readiness: web::Data<dyn Readiness>) -> Result<HttpResponse, ProblemResponse> {
    match readiness.ready().await {
        Ok(()) => Ok(text("ready\n")),
        Err(reason) => Err(ProblemResponse::new(ProblemKind::Unavailable, reason)),
    }
}

fn text(body: &'static str) -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; charset=utf-8").body(body)
}
