//! The issuer's HTTP API: requests made, answers read.

use farthing_api::{Base64Url, NewOrder, OrderView, PackListing, TOKEN_KEY_ID_HEADER, VoucherPayment};
use farthing_protocol::{
    AmortizedBatchTokenRequest, AmortizedBatchTokenResponse, IssuerDirectory, TokenKeyId,
};
use zeroize::Zeroizing;

use crate::derivation::ClaimSecret;
use crate::http_message::{HttpRequest, HttpResponse};
use crate::purchase::{OrderId, Purchase};
use crate::secret_json::to_secret_json;
use crate::service_answer::{ServiceError, check_status, read_json, tame};
use crate::service_url::ServiceUrl;
use crate::voucher_code::VoucherCode;

/// Media type of our JSON.
const JSON: &str = "application/json";

/// Asks for the issuer directory.
pub fn directory_request(issuer: &ServiceUrl) -> HttpRequest {
    HttpRequest::get(issuer.at(IssuerDirectory::PATH), IssuerDirectory::MEDIA_TYPE)
}

/// Reads the issuer directory.
///
/// # Errors
///
/// [`ServiceError`].
pub fn read_directory(call: &str, answer: &HttpResponse) -> Result<IssuerDirectory, ServiceError> {
    read_json(call, answer, &[200])
}

/// Asks what is for sale.
pub fn packs_request(issuer: &ServiceUrl) -> HttpRequest {
    HttpRequest::get(issuer.at("/v1/packs"), JSON)
}

/// Reads what is for sale.
///
/// # Errors
///
/// [`ServiceError`].
pub fn read_packs(call: &str, answer: &HttpResponse) -> Result<PackListing, ServiceError> {
    read_json(call, answer, &[200])
}

/// Makes the order of a purchase; the same order again when it was made before.
pub fn new_order_request(purchase: &Purchase, claim: [u8; 32]) -> HttpRequest {
    let order = NewOrder {
        pack: purchase.pack.id.clone(),
        method: purchase.payment.method().to_owned(),
        claim: Base64Url(claim),
    };
    post_json(purchase.issuer.at("/v1/orders"), &order)
}

/// Asks for the order of a claim.
pub fn order_request(issuer: &ServiceUrl, secret: &ClaimSecret) -> HttpRequest {
    HttpRequest::get(issuer.at("/v1/order"), JSON).with_header("Authorization", bearer(secret))
}

/// Reads an order, made or found.
///
/// # Errors
///
/// [`ServiceError`].
pub fn read_order(call: &str, answer: &HttpResponse) -> Result<OrderView, ServiceError> {
    read_json(call, answer, &[200, 201])
}

/// Pays an order with a prepaid code. Anybody may, so the claim secret stays here.
pub fn voucher_request(issuer: &ServiceUrl, order: &OrderId, code: &VoucherCode) -> HttpRequest {
    let payment = VoucherPayment { code: code.reveal().to_owned() };
    post_json(issuer.at(&format!("/v1/orders/{order}/voucher")), &payment)
}

/// Sends blinded messages to be evaluated under a key.
pub fn token_request(
    url: &str,
    secret: &ClaimSecret,
    token_key_id: TokenKeyId,
    body: Vec<u8>,
) -> HttpRequest {
    HttpRequest::post(url.to_owned(), AmortizedBatchTokenRequest::MEDIA_TYPE, Zeroizing::new(body))
        .with_header("Accept", AmortizedBatchTokenResponse::MEDIA_TYPE)
        .with_header("Authorization", bearer(secret))
        .with_header(TOKEN_KEY_ID_HEADER, token_key_id.to_string())
}

/// Reads the evaluated messages.
///
/// # Errors
///
/// [`ServiceError`]; an answer of another media type or that does not decode is foreign.
pub fn read_token_response(
    call: &str,
    answer: &HttpResponse,
) -> Result<AmortizedBatchTokenResponse, ServiceError> {
    check_status(call, answer, &[200])?;
    let foreign = |reason| ServiceError::Foreign { call: call.to_owned(), status: answer.status, reason };
    if answer.media_type() != AmortizedBatchTokenResponse::MEDIA_TYPE {
        let found = answer.media_type();
        return Err(foreign(tame(&format!(
            "its media type is `{found}` instead of `{}`",
            AmortizedBatchTokenResponse::MEDIA_TYPE
        ))));
    }
    AmortizedBatchTokenResponse::decode(&answer.body)
        .map_err(|error| foreign(format!("it does not decode: {error}")))
}

fn bearer(secret: &ClaimSecret) -> String {
    let encoded = Zeroizing::new(Base64Url(*secret.as_bytes()).encode());
    format!("Bearer {}", encoded.as_str())
}

fn post_json(url: String, value: &impl serde::Serialize) -> HttpRequest {
    // Types whose members are strings and numbers always have a JSON form.
    let body = to_secret_json(value).unwrap_or_default();
    HttpRequest::post(url, JSON, body).with_header("Accept", JSON)
}
