//! The HTTP API: one file a resource.

mod balance;
mod dashboard;
mod exports;
mod keys;
mod payouts;
mod publisher_data;
mod redemptions;
mod statements;
mod totals;

use std::sync::Arc;

use actix_web::{HttpRequest, web};
use farthing_api::{Envelope, ProblemKind};
use farthing_service::answer::ProblemPages;
use farthing_service::bearer::bearer_token;
use farthing_service::health::{self, Readiness};
use farthing_service::openapi::{Api, Operation, Resource, SecurityKind, SecurityScheme};
use farthing_service::problem::ProblemResponse;
use serde::Serialize;

use crate::publishers::{ApiKey, PublisherId};
use crate::service::Redeemer;

const TITLE: &str = "Farthing redeemer";
const DESCRIPTION: &str = "Verifies tokens, refuses double spends, and credits publishers. Amounts are integers: \
                           `micros` in millionths of the currency's unit, `minor` in its minor unit. Days are in UTC, \
                           times unix seconds, byte strings base64url without padding, which is accepted where they are \
                           read. Every error is a problem document (RFC 9457), whose `type` says which; at the dashboard \
                           it is a page.";

/// A publisher.
const API_KEY: SecurityScheme = SecurityScheme {
    name: "api-key",
    description: "A publisher's API key, `fpk_...`. The redeemer's operator gives it out.",
    kind: SecurityKind::Authorization("bearer"),
};

/// Every route.
pub fn of(redeemer: &Arc<Redeemer>) -> Api {
    let readiness: Arc<dyn Readiness> = redeemer.clone();
    Api::new(TITLE, DESCRIPTION)
        .data(Arc::clone(redeemer))
        .data(Arc::new(ProblemPages(dashboard::show_problem)))
        .with(health::resources(readiness))
        .limited(&redeemer.limits.requests, resources())
}

fn resources() -> impl Iterator<Item = Resource> {
    redemptions::resources()
        .into_iter()
        .chain([balance::resource()])
        .chain(statements::resources())
        .chain([payouts::resource(), exports::resource(), publisher_data::resource(), keys::resource()])
        .chain(totals::resources())
        .chain(dashboard::resources())
}

/// An operation that begins with [`publisher`] and asks the store.
fn for_publishers(operation: Operation) -> Operation {
    operation.secured_by(&[&API_KEY]).problems(&[
        ProblemKind::ApiKeyUnknown,
        ProblemKind::TooManyAtOnce,
        ProblemKind::Unavailable,
    ])
}

/// The publisher whose API key the request shows.
async fn publisher(redeemer: &Redeemer, request: &HttpRequest) -> Result<PublisherId, ProblemResponse> {
    let key = bearer_token(request.headers()).and_then(ApiKey::parse).ok_or_else(api_key_unknown)?;
    let found = redeemer.questions.ask(redeemer.stores.publishers.by_api_key(key.hash())).await?;
    found.ok_or_else(api_key_unknown)
}

fn api_key_unknown() -> ProblemResponse {
    let detail = "send a publisher's API key that is in force: `Authorization: Bearer fpk_...`";
    ProblemResponse::new(ProblemKind::ApiKeyUnknown, detail).in_field("Authorization")
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
