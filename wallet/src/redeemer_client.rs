//! What a wallet asks of a redeemer: its public keys.

use farthing_api::KeyListing;

use crate::http_message::{HttpRequest, HttpResponse};
use crate::service_answer::{ServiceError, read_json};
use crate::service_url::ServiceUrl;

/// Asks for the token keys that the redeemer accepts.
pub fn keys_request(redeemer: &ServiceUrl) -> HttpRequest {
    HttpRequest::get(redeemer.at("/v1/keys"), "application/json")
}

/// Reads the token keys that the redeemer accepts.
///
/// # Errors
///
/// [`ServiceError`].
pub fn read_keys(call: &str, answer: &HttpResponse) -> Result<KeyListing, ServiceError> {
    read_json(call, answer, &[200])
}
