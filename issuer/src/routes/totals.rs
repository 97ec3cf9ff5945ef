use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpResponse, web};
use farthing_api::SIGNING_KEYS_PATH;
use farthing_service::openapi::Resource;
use farthing_service::problem::ProblemResponse;
use farthing_service::{signing_key, totals};

use crate::service::Issuer;

/// The totals change at midnight; the keys hardly ever.
const CACHE: &str = "public, max-age=300";

pub(super) fn resources() -> [Resource; 2] {
    [
        Resource::at("/v1/totals").get(totals::operation(), show),
        Resource::at(SIGNING_KEYS_PATH).get(signing_key::operation(), signing_keys),
    ]
}

async fn show(issuer: web::Data<Issuer>) -> Result<HttpResponse, ProblemResponse> {
    let envelope = issuer.signed_totals().await?;
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, CACHE)).json(envelope))
}

async fn signing_keys(issuer: web::Data<Issuer>) -> HttpResponse {
    HttpResponse::Ok().insert_header((CACHE_CONTROL, CACHE)).json(issuer.signing_key.jwk_set())
}
