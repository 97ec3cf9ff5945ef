//! The HTTP API: one file a resource.

mod directory;
mod orders;
mod packs;
mod token_request;
mod totals;
mod vouchers;

use std::sync::Arc;

use actix_web::HttpRequest;
use farthing_api::ProblemKind;
use farthing_service::bearer::bearer_token;
use farthing_service::health::{self, Readiness};
use farthing_service::openapi::{Api, Resource, SecurityKind, SecurityScheme};
use farthing_service::problem::ProblemResponse;

use crate::orders::Claim;
use crate::service::Issuer;

const TITLE: &str = "Farthing issuer";
const DESCRIPTION: &str = "Sells packs of unlinkable tokens: takes payment, and signs blindly. Amounts are integers: \
                           `value_micros` in millionths of the currency's unit, `price_minor` in its minor unit. Days are \
                           in UTC, times unix seconds, byte strings base64url without padding, which is accepted where \
                           they are read. Every error is a problem document (RFC 9457), whose `type` says which.";

/// Who owns an order.
const CLAIM: SecurityScheme = SecurityScheme {
    name: "claim",
    description: "The 32-byte claim secret of an order as base64url. The order was made with its SHA-256.",
    kind: SecurityKind::Authorization("bearer"),
};

/// Every route.
pub fn of(issuer: &Arc<Issuer>) -> Api {
    let readiness: Arc<dyn Readiness> = issuer.clone();
    Api::new(TITLE, DESCRIPTION)
        .data(Arc::clone(issuer))
        .with(health::resources(readiness))
        .limited(&issuer.limits.requests, resources())
}

fn resources() -> impl Iterator<Item = Resource> {
    [directory::resource(), packs::resource()]
        .into_iter()
        .chain(orders::resources())
        .chain([vouchers::resource(), token_request::resource()])
        .chain(totals::resources())
}

/// The claim of the request's Bearer secret.
fn claim(request: &HttpRequest) -> Result<Claim, ProblemResponse> {
    bearer_token(request.headers()).and_then(Claim::of_secret).ok_or_else(|| {
        let detail = "send the order's 32-byte claim secret as base64url: `Authorization: Bearer ...`";
        ProblemResponse::new(ProblemKind::ClaimUnknown, detail).in_field("Authorization")
    })
}
