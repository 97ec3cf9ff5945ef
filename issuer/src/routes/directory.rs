use actix_web::http::StatusCode;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpResponse, web};
use farthing_protocol::{DirectoryKey, IssuerDirectory, IssuerName};
use farthing_service::keyring::{KeyStatus, Keyring};
use farthing_service::openapi::{Answer, Content, Operation, Resource};
use farthing_service::problem::ProblemResponse;

use super::token_request;
use crate::service::Issuer;

/// How long clients may keep the directory: a key is listed a day before its use, so a quarter of an hour is short,
/// and a revocation spreads soon.
const CACHE: &str = "public, max-age=900";

pub(super) fn resource() -> Resource {
    let operation = Operation::new("issuer-directory", "Show the issuer's token keys")
        .described(
            "The issuer directory of RFC 9578: keys that issue now first, then those that will. `value-micros`, \
             `currency`, `issue-until`, `redeem-until`, `redeem-only-keys` and `revoked-keys` are Farthing's own.",
        )
        .answers(
            StatusCode::OK,
            Answer::new("The keys.", Content::json_as(IssuerDirectory::MEDIA_TYPE, &example())).cached(),
        );
    Resource::at(IssuerDirectory::PATH).get(operation, show)
}

fn example() -> IssuerDirectory {
    let key = DirectoryKey {
        token_type: 5,
        token_key: vec![8; 32],
        not_before: Some(1_795_219_200),
        value_micros: Some(10_000),
        currency: Some("EUR".to_owned()),
        issue_until: Some(1_797_638_400),
        redeem_until: Some(1_804_896_000),
    };
    IssuerDirectory {
        issuer_request_uri: token_request::PATH.to_owned(),
        issuer_name: None,
        token_keys: vec![key],
        redeem_only_keys: Vec::new(),
        revoked_keys: Vec::new(),
    }
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
