//! The Ed25519 key with which a service signs what others keep: its totals, and all that the redeemer owes publishers.

use std::fmt;
use std::path::Path;

use actix_web::http::StatusCode;
use data_encoding::BASE64URL_NOPAD;
use ed25519_dalek::Signer;
use farthing_api::{Base64Url, Envelope, EnvelopeSignature, Jwk, JwkSet};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::openapi::{Answer, Operation};
use crate::secret_ref::{SecretError, SecretRef};
use crate::verification_key::VerificationKey;

/// What is said of the path at which the public key is.
pub fn operation() -> Operation {
    Operation::new("signing-keys", "Show the keys of the service's signatures")
        .described(
            "Ed25519 public keys as a JSON Web Key Set (RFC 7517, RFC 8037). The first one signs. Those with `retired` signed \
             before, and verify what was signed then.",
        )
        .answers(StatusCode::OK, Answer::json::<JwkSet>("The keys.").cached())
}

/// An Ed25519 secret key, the id it is published under, and the public keys of those before it. Zeroized on drop.
pub struct SigningKey {
    key: ed25519_dalek::SigningKey,
    public: Jwk,
    retired: Vec<Jwk>,
}

/// A key cannot sign and be retired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the key that signs now is among them; take it out, or let another one sign")]
pub struct SignsStill;

impl SigningKey {
    /// Reads the key's 32-byte seed where `secret` says; `base` is the configuration file's directory.
    ///
    /// # Errors
    /// When the secret cannot be read or is not 32 bytes long.
    pub fn load(secret: &SecretRef, base: &Path) -> Result<Self, SecretError> {
        secret.read(base)?.as_array().map(Self::from_seed)
    }

    /// The key of RFC 8032's 32-byte private key `seed`.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        let key = ed25519_dalek::SigningKey::from_bytes(seed);
        let public = jwk(key.verifying_key().to_bytes());
        Self { key, public, retired: Vec::new() }
    }

    /// The same, which publishes beside it the keys that signed before.
    ///
    /// # Errors
    /// It is one of them itself.
    pub fn succeeding(self, retired: &[VerificationKey]) -> Result<Self, SignsStill> {
        let retired: Vec<_> =
            retired.iter().map(|key| Jwk { retired: true, ..jwk(key.to_bytes()) }).collect();
        if retired.iter().any(|key| key.kid == self.public.kid) {
            return Err(SignsStill);
        }
        Ok(Self { retired, ..self })
    }

    /// Signs `document` as JSON in an envelope of `payload_type`.
    ///
    /// # Errors
    /// When the document has no JSON form.
    pub fn sign_envelope(
        &self,
        payload_type: &str,
        document: &impl Serialize,
    ) -> Result<Envelope, serde_json::Error> {
        let payload = serde_json::to_vec(document)?;
        let signature = self.key.sign(&Envelope::signed_bytes(payload_type, &payload));
        Ok(Envelope {
            payload: Base64Url(payload),
            payload_type: payload_type.to_owned(),
            signatures: vec![EnvelopeSignature {
                keyid: self.public.kid.clone(),
                sig: Base64Url(signature.to_bytes()),
            }],
        })
    }

    /// The public keys as the service publishes them: its own, then the retired ones.
    pub fn jwk_set(&self) -> JwkSet {
        JwkSet { keys: [&self.public].into_iter().chain(&self.retired).cloned().collect() }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({}, ..)", self.public.kid)
    }
}

/// The public key `x` with its RFC 7638 thumbprint: SHA-256 of the required members in the alphabet's order.
fn jwk(x: [u8; 32]) -> Jwk {
    let x = Base64Url(x);
    let members = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
    let kid = BASE64URL_NOPAD.encode(&Sha256::digest(members));
    Jwk { kty: "OKP".to_owned(), crv: "Ed25519".to_owned(), x, kid, retired: false }
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::{Signature, VerifyingKey};

    use super::*;

    /// The private key of RFC 8037, appendix A.1.
    fn rfc8037() -> SigningKey {
        let seed = BASE64URL_NOPAD.decode(b"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A").unwrap();
        SigningKey::from_seed(&seed.try_into().unwrap())
    }

    #[test]
    fn the_key_set_is_that_of_rfc_8037() {
        let keys = rfc8037().jwk_set().keys;
        assert_eq!(
            serde_json::to_value(&keys).unwrap(),
            serde_json::json!([{
                "kty": "OKP",
                "crv": "Ed25519",
                "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
                "kid": "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
            }])
        );
    }

    #[test]
    fn retired_keys_come_after_the_one_that_signs_and_say_so() {
        let before = SigningKey::from_seed(&[1; 32]).jwk_set().keys;
        let pinned = before[0].x.to_string().parse().unwrap();
        let keys = rfc8037().succeeding(&[pinned]).unwrap().jwk_set().keys;
        assert_eq!(keys[..1], rfc8037().jwk_set().keys);
        assert_eq!(keys[1..], [Jwk { retired: true, ..before[0].clone() }]);
        assert_eq!(serde_json::to_value(&keys[1]).unwrap()["retired"], true);
        let own = rfc8037().jwk_set().keys[0].x.to_string().parse().unwrap();
        assert_eq!(rfc8037().succeeding(&[pinned, own]).unwrap_err(), SignsStill);
    }

    #[test]
    fn an_envelope_verifies_over_its_exact_bytes_and_type() {
        let key = rfc8037();
        let envelope = key.sign_envelope("application/example+json", &serde_json::json!({"a": 1})).unwrap();
        assert_eq!(envelope.payload.0, br#"{"a":1}"#);
        assert_eq!(envelope.signatures[0].keyid, key.jwk_set().keys[0].kid);
        let verifier = VerifyingKey::from_bytes(&key.jwk_set().keys[0].x.0).unwrap();
        let signature = Signature::from_bytes(&envelope.signatures[0].sig.0);
        let holds = |payload_type: &str, payload: &[u8]| {
            verifier.verify_strict(&Envelope::signed_bytes(payload_type, payload), &signature).is_ok()
        };
        assert!(holds("application/example+json", br#"{"a":1}"#));
        assert!(!holds("application/example+json", br#"{"a":2}"#));
        assert!(!holds("application/other+json", br#"{"a":1}"#));
    }

    #[test]
    fn a_key_is_loaded_from_the_secret_that_was_made() {
        let directory = tempfile::tempdir().unwrap();
        let secret = SecretRef::parse("file:signing.key").unwrap();
        secret.create_if_missing(directory.path()).unwrap();
        let first = SigningKey::load(&secret, directory.path()).unwrap();
        let second = SigningKey::load(&secret, directory.path()).unwrap();
        assert_eq!(first.jwk_set(), second.jwk_set());
        std::fs::write(directory.path().join("signing.key"), "AAEC").unwrap();
        assert!(SigningKey::load(&secret, directory.path()).is_err());
    }

    #[test]
    fn debug_shows_the_public_id_alone() {
        assert_eq!(format!("{:?}", rfc8037()), "SigningKey(kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k, ..)");
    }
}
