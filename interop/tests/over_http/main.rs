//! The crate `privacypass` and curl as customers of our running services: tokens that are bought over HTTP redeem, and pass
//! the gate.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod at_the_gate;
mod customer;
mod newspaper;
mod service;
mod services;

use farthing_api::TokenResult;
use farthing_protocol::Token;
use privacypass::Serialize;
use privacypass::amortized_tokens::{AmortizedBatchTokenRequest, AmortizedBatchTokenResponse};
use privacypass::private_tokens::{Ristretto255, TokenRequest, TokenResponse};

use crate::customer::{Customer, challenge};
use crate::services::Services;

#[test]
fn a_foreign_client_buys_a_pack_and_its_tokens_redeem_once() {
    let services = Services::start();
    let customer = Customer::with_paid_order(&services, services::PACK);
    let count = u16::try_from(services::PACK.count).unwrap();

    let (request, state) =
        AmortizedBatchTokenRequest::<Ristretto255>::new(customer.public_key(), &challenge(), count).unwrap();
    let answer = customer.request_tokens(
        "application/private-token-amortized-batch-request",
        "application/private-token-amortized-batch-response",
        &request.tls_serialize_detached().unwrap(),
    );
    let answer = AmortizedBatchTokenResponse::<Ristretto255>::try_from_bytes(&answer).unwrap();
    let tokens: Vec<Vec<u8>> = answer
        .issue_tokens(&state)
        .unwrap()
        .iter()
        .map(|token| token.tls_serialize_detached().unwrap())
        .collect();
    assert_eq!(tokens.len(), usize::from(count));
    assert!(tokens.iter().all(|token| token.len() == Token::LENGTH));

    let (status, answer) = services.redeem("first", &tokens);
    assert_eq!(status, 200, "{answer:?}");
    assert_eq!(answer.accepted, services::PACK.count);
    assert_eq!(answer.results, vec![TokenResult::Accepted; tokens.len()]);

    let (status, answer) = services.redeem("second", &tokens);
    assert_eq!(status, 409, "{answer:?}");
    assert_eq!(answer.results, vec![TokenResult::Spent; tokens.len()]);
}

#[test]
fn a_foreign_client_buys_a_single_token() {
    let services = Services::start();
    let customer = Customer::with_paid_order(&services, services::SINGLE);

    let (request, state) = TokenRequest::<Ristretto255>::new(customer.public_key(), &challenge()).unwrap();
    let answer = customer.request_tokens(
        "application/private-token-request",
        "application/private-token-response",
        &request.tls_serialize_detached().unwrap(),
    );
    let answer = TokenResponse::<Ristretto255>::try_from_bytes(&answer).unwrap();
    let token = answer.issue_token(&state).unwrap().tls_serialize_detached().unwrap();

    let (status, answer) = services.redeem("first", &[token]);
    assert_eq!(status, 200, "{answer:?}");
    assert_eq!(answer.results, [TokenResult::Accepted]);
}
