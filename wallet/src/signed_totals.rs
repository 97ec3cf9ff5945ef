//! What both services publish about themselves: their daily totals, signed.

use ed25519_dalek::{Signature, VerifyingKey};
use farthing_api::{Envelope, Jwk, JwkSet, SIGNING_KEYS_PATH, TOTALS_PAYLOAD_TYPE, Totals};
use sha2::{Digest, Sha256};

use crate::http_message::{HttpRequest, HttpResponse, Service};
use crate::service_answer::{ServiceError, read_json, tame};
use crate::service_url::ServiceUrl;

/// Why totals were not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TotalsError {
    /// The call failed.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// What was signed is something else.
    #[error("the {service}'s totals are a signed `{found}`, not `{TOTALS_PAYLOAD_TYPE}`")]
    PayloadType {
        /// Whose.
        service: Service,
        /// What it is instead.
        found: String,
    },
    /// No signature by one of the published keys holds.
    #[error(
        "the {service}'s totals carry no valid signature by a key that it publishes at {SIGNING_KEYS_PATH}"
    )]
    Signature {
        /// Whose.
        service: Service,
    },
    /// The signed bytes are not totals, or contradict themselves.
    #[error("the {service}'s totals are signed but wrong: {reason}")]
    Content {
        /// Whose.
        service: Service,
        /// In what.
        reason: String,
    },
}

/// Totals whose signature was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedTotals {
    /// The totals.
    pub totals: Totals,
    /// Id of the key that signed them.
    pub signing_key: String,
}

/// Asks a service for its totals.
pub fn totals_request(service: &ServiceUrl) -> HttpRequest {
    HttpRequest::get(service.at("/v1/totals"), "application/json")
}

/// Asks a service for the keys that sign its totals.
pub fn signing_keys_request(service: &ServiceUrl) -> HttpRequest {
    HttpRequest::get(service.at(SIGNING_KEYS_PATH), "application/json")
}

/// Reads the keys that sign a service's totals.
///
/// # Errors
///
/// [`ServiceError`].
pub fn read_signing_keys(call: &str, answer: &HttpResponse) -> Result<JwkSet, ServiceError> {
    read_json(call, answer, &[200])
}

/// Reads totals and checks that one of `keys` signed these very bytes.
///
/// # Errors
///
/// [`TotalsError`].
pub fn read_totals(
    service: Service,
    call: &str,
    answer: &HttpResponse,
    keys: &JwkSet,
) -> Result<VerifiedTotals, TotalsError> {
    let envelope: Envelope = read_json(call, answer, &[200])?;
    verify(service, &envelope, keys)
}

fn verify(service: Service, envelope: &Envelope, keys: &JwkSet) -> Result<VerifiedTotals, TotalsError> {
    if envelope.payload_type != TOTALS_PAYLOAD_TYPE {
        return Err(TotalsError::PayloadType { service, found: tame(&envelope.payload_type) });
    }
    let message = Envelope::signed_bytes(&envelope.payload_type, &envelope.payload.0);
    let signing_key = envelope.signatures.iter().find_map(|signature| {
        let named = keys.keys.iter().filter(|key| key.kid == signature.keyid);
        named.filter_map(verifying_key).find_map(|key| {
            let valid = key.verify_strict(&message, &Signature::from_bytes(&signature.sig.0)).is_ok();
            valid.then(|| signature.keyid.clone())
        })
    });
    let signing_key = signing_key.ok_or(TotalsError::Signature { service })?;
    let wrong = |reason: String| TotalsError::Content { service, reason: tame(&reason) };
    let totals: Totals =
        serde_json::from_slice(&envelope.payload.0).map_err(|error| wrong(error.to_string()))?;
    if totals.service != service.to_string() {
        return Err(wrong(format!("they are of a service `{}`", totals.service)));
    }
    Ok(VerifiedTotals { totals, signing_key })
}

/// The key, if it is Ed25519, its id is its RFC 7638 thumbprint, and it signs still: a retired one may be a thief's, and totals
/// are signed whenever they are asked for.
fn verifying_key(jwk: &Jwk) -> Option<VerifyingKey> {
    if jwk.retired || jwk.kty != "OKP" || jwk.crv != "Ed25519" || jwk.kid != thumbprint(jwk) {
        return None;
    }
    VerifyingKey::from_bytes(&jwk.x.0).ok()
}

/// RFC 7638: SHA-256 of the required members in the alphabet's order, as base64url.
fn thumbprint(jwk: &Jwk) -> String {
    let text = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, jwk.x);
    farthing_api::Base64Url(<[u8; 32]>::from(Sha256::digest(text))).encode()
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::{Signer, SigningKey};
    use farthing_api::{Base64Url, EnvelopeSignature};
    use hex_literal::hex;

    use super::*;

    fn jwk(key: &SigningKey) -> Jwk {
        let x = Base64Url(key.verifying_key().to_bytes());
        let mut jwk = Jwk { kty: "OKP".into(), crv: "Ed25519".into(), x, kid: String::new(), retired: false };
        jwk.kid = thumbprint(&jwk);
        jwk
    }

    fn envelope(key: &SigningKey, service: &str) -> Envelope {
        let payload = serde_json::to_vec(&Totals {
            service: service.into(),
            issuer_name: "issuer.example".into(),
            through: "2026-01-01".into(),
            keys: Vec::new(),
        })
        .unwrap();
        let sig = key.sign(&Envelope::signed_bytes(TOTALS_PAYLOAD_TYPE, &payload)).to_bytes();
        Envelope {
            payload: Base64Url(payload),
            payload_type: TOTALS_PAYLOAD_TYPE.into(),
            signatures: vec![EnvelopeSignature { keyid: jwk(key).kid, sig: Base64Url(sig) }],
        }
    }

    #[test]
    fn the_thumbprint_is_that_of_rfc_8037() {
        // Appendix A.2 and A.3 of RFC 8037.
        let key =
            SigningKey::from_bytes(&hex!("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"));
        assert_eq!(jwk(&key).kid, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }

    #[test]
    fn only_a_published_key_over_these_very_bytes_is_believed() {
        let key = SigningKey::from_bytes(&[1; 32]);
        let other = SigningKey::from_bytes(&[2; 32]);
        let keys = JwkSet { keys: vec![jwk(&other), jwk(&key)] };
        let good = envelope(&key, "issuer");
        assert_eq!(verify(Service::Issuer, &good, &keys).unwrap().signing_key, jwk(&key).kid);

        let refused = |envelope: &Envelope, keys: &JwkSet| {
            assert_eq!(
                verify(Service::Issuer, envelope, keys),
                Err(TotalsError::Signature { service: Service::Issuer })
            );
        };
        refused(&good, &JwkSet { keys: vec![jwk(&other)] });
        let mut changed = good.clone();
        changed.payload.0[5] ^= 1;
        refused(&changed, &keys);
        let mut unsigned = good.clone();
        unsigned.signatures.clear();
        refused(&unsigned, &keys);
        refused(&good, &JwkSet { keys: vec![Jwk { retired: true, ..jwk(&key) }] });
        // A key that takes the id of another one.
        let mut impostor = jwk(&other);
        impostor.kid = jwk(&key).kid;
        let mut forged = envelope(&other, "issuer");
        forged.signatures[0].keyid = impostor.kid.clone();
        refused(&forged, &JwkSet { keys: vec![impostor] });

        let mut retyped = good.clone();
        retyped.payload_type = "application/json".into();
        assert!(matches!(verify(Service::Issuer, &retyped, &keys), Err(TotalsError::PayloadType { .. })));
        assert!(matches!(verify(Service::Redeemer, &good, &keys), Err(TotalsError::Content { .. })));
    }
}
