use actix_web::http::StatusCode;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpResponse, web};
use farthing_api::{Base64Url, KeyEntry, KeyListing};
use farthing_protocol::TokenKey;
use farthing_service::openapi::{Answer, Operation, Resource};

use crate::service::Redeemer;

/// A revoked key should be gone soon.
const CACHE: &str = "public, max-age=60";

pub(super) fn resource() -> Resource {
    let operation = Operation::new("keys", "List the token keys that are accepted")
        .described("What a wallet compares with the issuer's directory, and a site builds challenges from.")
        .answers(StatusCode::OK, Answer::json::<KeyListing>("The keys, oldest first.").cached());
    Resource::at("/v1/keys").get(operation, list)
}

/// The keys whose tokens are taken now, those included that issue later.
async fn list(redeemer: web::Data<Redeemer>) -> HttpResponse {
    let (keyring, now) = (redeemer.keyring.current(), redeemer.environment.now());
    let accepted = keyring.entries().into_iter().filter(|entry| entry.status(now).redeems());
    let listing = KeyListing {
        issuer_name: redeemer.config.current().issuer_name.to_string(),
        keys: accepted.map(|entry| listed(entry.facts())).collect(),
    };
    HttpResponse::Ok().insert_header((CACHE_CONTROL, CACHE)).json(listing)
}

fn listed(key: &TokenKey) -> KeyEntry {
    let (denomination, epoch) = (key.denomination(), key.epoch());
    KeyEntry {
        token_key_id: Base64Url(key.token_key_id().to_bytes()),
        token_key: Base64Url(key.public_key().to_bytes()),
        value_micros: denomination.value_micros().get(),
        currency: denomination.currency().to_string(),
        not_before: epoch.not_before().start(),
        issue_until: epoch.issue_until().start(),
        redeem_until: epoch.redeem_until().start(),
    }
}
