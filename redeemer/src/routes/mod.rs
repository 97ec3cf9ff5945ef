//! The HTTP API: one file a resource.

mod balance;
mod keys;
mod payouts;
mod redemptions;
mod statements;
mod totals;

use std::sync::Arc;

use actix_web::{HttpRequest, web};
use farthing_api::{Envelope, ProblemKind};
use farthing_service::bearer::bearer_token;
use farthing_service::health::{self, Readiness};
use farthing_service::problem::ProblemResponse;
use farthing_service::rate_limit::limited;
use serde::Serialize;

use crate::publishers::{ApiKey, PublisherId};
use crate::service::Redeemer;

/// Adds every route; cloned for each worker thread.
pub fn of(redeemer: &Arc<Redeemer>) -> impl Fn(&mut web::ServiceConfig) + Clone + Send + 'static {
    let redeemer = Arc::clone(redeemer);
    move |routes| {
        let readiness: Arc<dyn Readiness> = redeemer.clone();
        health::configure(routes, readiness);
        routes.app_data(web::Data::from(Arc::clone(&redeemer))).service(limited(
            &redeemer.limits.requests,
            |routes| {
                routes
                    .configure(redemptions::configure)
                    .configure(balance::configure)
                    .configure(statements::configure)
                    .configure(payouts::configure)
                    .configure(keys::configure)
                    .configure(totals::configure);
            },
        ));
    }
}

/// The publisher whose API key the request shows.
async fn publisher(redeemer: &Redeemer, request: &HttpRequest) -> Result<PublisherId, ProblemResponse> {
    let unknown = || {
        let detail = "send a publisher's API key that is in force: `Authorization: Bearer fpk_...`";
        ProblemResponse::new(ProblemKind::ApiKeyUnknown, detail).in_field("Authorization")
    };
    let key = bearer_token(request.headers()).and_then(ApiKey::parse).ok_or_else(unknown)?;
    redeemer.questions.ask(redeemer.stores.publishers.by_api_key(key.hash())).await?.ok_or_else(unknown)
}

/// A document that the redeemer signs.
fn signed(
    redeemer: &Redeemer,
    payload_type: &str,
    document: &impl Serialize,
) -> Result<web::Json<Envelope>, ProblemResponse> {
    let envelope = redeemer.signing_key.sign_envelope(payload_type, document);
    envelope.map(web::Json).map_err(|error| ProblemResponse::internal(&error))
}
