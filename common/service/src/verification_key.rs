//! The other end of [`SigningKey`](crate::signing_key::SigningKey): a key that was pinned, and what it must have signed.

use std::fmt;
use std::str::FromStr;

use ed25519_dalek::{Signature, VerifyingKey};
use farthing_api::{Base64Url, Envelope};
use serde::de::{Deserialize, DeserializeOwned, Deserializer, Error};

/// An Ed25519 public key, as the member `x` of a service's JSON Web Key Set has it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct VerificationKey(VerifyingKey);

/// Text that is no [`VerificationKey`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a public signing key: write the member `x` that the service shows at /.well-known/jwks.json, 32 bytes in \
     base64url"
)]
pub struct InvalidVerificationKey;

/// Why an envelope is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// The document is something else.
    #[error("it is not a signed `{expected}`")]
    PayloadType {
        /// What it should be.
        expected: &'static str,
    },
    /// No signature holds.
    #[error("it has no valid signature by a pinned key")]
    Signature,
    /// What was signed cannot be read.
    #[error("it is signed and cannot be read at line {line}, column {column}")]
    Content {
        /// Where the JSON breaks off, from 1.
        line: usize,
        /// Where the JSON breaks off, from 1.
        column: usize,
    },
}

impl VerificationKey {
    /// The document that this key signed.
    ///
    /// # Errors
    /// It is of another type, this key did not sign these very bytes, or they are no such document.
    pub fn open<T: DeserializeOwned>(
        &self,
        payload_type: &'static str,
        envelope: &Envelope,
    ) -> Result<T, EnvelopeError> {
        open_by_any(std::slice::from_ref(self), payload_type, envelope)
    }

    /// The public key.
    pub fn to_bytes(&self) -> [u8; 32] {
        self.0.to_bytes()
    }
}

/// The document that one of the keys signed.
///
/// # Errors
/// It is of another type, none of them signed these very bytes, or they are no such document.
pub fn open_by_any<T: DeserializeOwned>(
    keys: &[VerificationKey],
    payload_type: &'static str,
    envelope: &Envelope,
) -> Result<T, EnvelopeError> {
    if envelope.payload_type != payload_type {
        return Err(EnvelopeError::PayloadType { expected: payload_type });
    }
    let message = Envelope::signed_bytes(payload_type, &envelope.payload.0);
    // The id that a signature names is a hint; what counts are the keys that were pinned.
    let holds = |sig: &[u8; 64]| {
        let signature = Signature::from_bytes(sig);
        keys.iter().any(|key| key.0.verify_strict(&message, &signature).is_ok())
    };
    if !envelope.signatures.iter().any(|signature| holds(&signature.sig.0)) {
        return Err(EnvelopeError::Signature);
    }
    serde_json::from_slice(&envelope.payload.0)
        .map_err(|error| EnvelopeError::Content { line: error.line(), column: error.column() })
}

impl FromStr for VerificationKey {
    type Err = InvalidVerificationKey;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes = Base64Url::<Vec<u8>>::decode(text).ok_or(InvalidVerificationKey)?;
        let bytes = bytes.try_into().map_err(|_| InvalidVerificationKey)?;
        VerifyingKey::from_bytes(&bytes).map(Self).map_err(|_| InvalidVerificationKey)
    }
}

impl<'de> Deserialize<'de> for VerificationKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl fmt::Debug for VerificationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerificationKey({})", Base64Url(self.0.to_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::signing_key::SigningKey;

    fn pinned(seed: u8) -> (SigningKey, VerificationKey) {
        let key = SigningKey::from_seed(&[seed; 32]);
        let x = key.jwk_set().keys[0].x.to_string();
        (key, x.parse().unwrap())
    }

    #[test]
    fn only_what_the_pinned_key_signed_is_opened() {
        let (key, pin) = pinned(1);
        let envelope = key.sign_envelope("a", &json!({ "b": 1 })).unwrap();
        assert_eq!(pin.open::<Value>("a", &envelope), Ok(json!({ "b": 1 })));
        assert_eq!(
            pin.open::<Value>("other", &envelope),
            Err(EnvelopeError::PayloadType { expected: "other" })
        );
        assert_eq!(pinned(2).1.open::<Value>("a", &envelope), Err(EnvelopeError::Signature));
        let mut changed = envelope.clone();
        changed.payload.0[5] = b'2';
        assert_eq!(pin.open::<Value>("a", &changed), Err(EnvelopeError::Signature));
        let content = pin.open::<u8>("a", &envelope).unwrap_err();
        assert_eq!(content.to_string(), "it is signed and cannot be read at line 1, column 0");
    }

    #[test]
    fn any_of_several_pinned_keys_will_do() {
        let [(_, one), (signer, two), (_, three)] = [pinned(1), pinned(2), pinned(3)];
        let envelope = signer.sign_envelope("a", &json!({ "b": 1 })).unwrap();
        assert_eq!(open_by_any::<Value>(&[one, two], "a", &envelope), Ok(json!({ "b": 1 })));
        for keys in [&[one, three][..], &[]] {
            assert_eq!(open_by_any::<Value>(keys, "a", &envelope), Err(EnvelopeError::Signature));
        }
    }

    #[test]
    fn a_key_is_32_bytes_of_a_point() {
        for wrong in ["", "AAAA", "not a key", &"A".repeat(44)] {
            assert_eq!(wrong.parse::<VerificationKey>(), Err(InvalidVerificationKey), "{wrong}");
        }
    }
}
