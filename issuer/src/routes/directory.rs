use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpResponse, web};
use farthing_protocol::{DirectoryKey, IssuerDirectory, IssuerName};
use farthing_service::keyring::{KeyStatus, Keyring};
use farthing_service::problem::ProblemResponse;

use super::token_request;
use crate::service::Issuer;

/// How long clients may keep the directory: a key is listed a day before its use, so a quarter of an hour is short,
/// and a revocation spreads soon.
const CACHE: &str = "public, max-age=900";

pub(super) fn configure(routes: &mut web::ServiceConfig) {
    routes.service(web::resource(IssuerDirectory::PATH).get(show));
}

async fn show(issuer: web::Data<Issuer>) -> Result<HttpResponse, ProblemResponse> {
    let name = issuer.config.current().issuer_name.clone();
    let directory = directory(name, &issuer.keyring.current(), issuer.environment.now());
    let body = directory.encode().map_err(|error| ProblemResponse::internal(&error))?;
    Ok(HttpResponse::Ok()
        .content_type(IssuerDirectory::MEDIA_TYPE)
        .insert_header((CACHE_CONTROL, CACHE))
        .body(body))
}

/// Issuing keys first, then future ones; what else a wallet wants to know in members of our own.
fn directory(issuer_name: IssuerName, keyring: &Keyring, now: u64) -> IssuerDirectory {
    let with = |status: KeyStatus| {
        let entries = keyring.entries().into_iter().filter(move |entry| entry.status(now) == status);
        entries.map(|entry| DirectoryKey::from(entry.facts()))
    };
    IssuerDirectory {
        issuer_request_uri: token_request::PATH.to_owned(),
        issuer_name: Some(issuer_name),
        token_keys: with(KeyStatus::Issuing).chain(with(KeyStatus::Future)).collect(),
        redeem_only_keys: with(KeyStatus::RedeemOnly).collect(),
        // Until their time is over anyway: then nobody can have a token of theirs that was good.
        revoked_keys: keyring
            .entries()
            .into_iter()
            .filter(|entry| entry.revoked() && entry.facts().epoch().redeems_at(now))
            .map(|entry| DirectoryKey::from(entry.facts()))
            .collect(),
    }
}
