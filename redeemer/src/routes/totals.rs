use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpResponse, web};
use farthing_api::SIGNING_KEYS_PATH;
use farthing_service::openapi::Resource;
use farthing_service::problem::ProblemResponse;
use farthing_service::{signing_key, totals};

use crate::service::Redeemer;

/// The totals change at midnight; the keys hardly ever.
const CACHE: &str = "public, max-age=300";

pub(super) fn resources() -> [Resource; 2] {
    [
        Resource::at("/v1/totals").get(totals::operation(), show),
        Resource::at(SIGNING_KEYS_PATH).get(signing_key::operation(), signing_keys),
    ]
}

async fn show(redeemer: web::Data<Redeemer>) -> Result<HttpResponse, ProblemResponse> {
    let envelope = redeemer.signed_totals().await?;
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, CACHE)).json(envelope))
}

async fn signing_keys(redeemer: web::Data<Redeemer>) -> HttpResponse {
    HttpResponse::Ok().insert_header((CACHE_CONTROL, CACHE)).json(redeemer.signing_key.jwk_set())
}
