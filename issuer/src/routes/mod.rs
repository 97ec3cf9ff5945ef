//! The HTTP API: one file a resource.

mod directory;
mod orders;
mod packs;
mod token_request;
mod totals;
mod vouchers;

use std::sync::Arc;

use actix_web::{HttpRequest, web};
use farthing_api::ProblemKind;
use farthing_service::bearer::bearer_token;
use farthing_service::health::{self, Readiness};
use farthing_service::problem::ProblemResponse;
use farthing_service::rate_limit::limited;

use crate::orders::Claim;
use crate::service::Issuer;

/// Adds every route; cloned for each worker thread.
pub fn of(issuer: &Arc<Issuer>) -> impl Fn(&mut web::ServiceConfig) + Clone + Send + 'static {
    let issuer = Arc::clone(issuer);
    move |routes| {
        let readiness: Arc<dyn Readiness> = issuer.clone();
        health::configure(routes, readiness);
        routes.app_data(web::Data::from(Arc::clone(&issuer))).service(limited(
            &issuer.limits.requests,
            |routes| {
                routes
                    .configure(directory::configure)
                    .configure(packs::configure)
                    .configure(orders::configure)
                    .configure(vouchers::configure)
                    .configure(token_request::configure)
                    .configure(totals::configure);
            },
        ));
    }
}

/// The claim of the request's Bearer secret.
fn claim(request: &HttpRequest) -> Result<Claim, ProblemResponse> {
    bearer_token(request.headers()).and_then(Claim::of_secret).ok_or_else(|| {
        let detail = "send the order's 32-byte claim secret as base64url: `Authorization: Bearer ...`";
        ProblemResponse::new(ProblemKind::ClaimUnknown, detail).in_field("Authorization")
    })
}
