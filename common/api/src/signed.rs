use serde::{Deserialize, Serialize};

use crate::Base64Url;

/// Where a service publishes the Ed25519 keys of its signatures, as a JSON Web Key Set (RFC 7517, RFC 8037).
pub const SIGNING_KEYS_PATH: &str = "/.well-known/jwks.json";
/// `payloadType` of an [`Envelope`] around [`crate::Totals`].
pub const TOTALS_PAYLOAD_TYPE: &str = "application/vnd.farthing.totals+json";

/// A signed document: the Dead Simple Signing Envelope (DSSE 1.0). The signature covers the payload's exact bytes
/// and its type, so that no canonical form of JSON is needed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Envelope {
    /// The document's bytes.
    pub payload: Base64Url<Vec<u8>>,
    /// What the document is.
    pub payload_type: String,
    /// At least one signature over DSSE's pre-authentication encoding of type and payload.
    pub signatures: Vec<EnvelopeSignature>,
}

impl Envelope {
    /// The bytes that are signed: `DSSEv1 <len type> <type> <len payload> <payload>`, lengths in decimal bytes.
    pub fn signed_bytes(payload_type: &str, payload: &[u8]) -> Vec<u8> {
        let mut bytes =
            format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len()).into_bytes();
        bytes.extend_from_slice(payload);
        bytes
    }
}

/// One signature of an [`Envelope`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EnvelopeSignature {
    /// Id of the key in the service's JSON Web Key Set: its RFC 7638 thumbprint.
    pub keyid: String,
    /// Ed25519 signature, 64 bytes.
    pub sig: Base64Url<[u8; 64]>,
}

/// A JSON Web Key Set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct JwkSet {
    /// The keys: first the one that signs, then those that did before.
    pub keys: Vec<Jwk>,
}

/// An Ed25519 public key as a JSON Web Key (RFC 8037).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Jwk {
    /// Always `OKP`.
    pub kty: String,
    /// Always `Ed25519`.
    pub crv: String,
    /// The public key, 32 bytes.
    pub x: Base64Url<[u8; 32]>,
    /// RFC 7638 thumbprint of the three members above.
    pub kid: String,
    /// Whether it signs no more: it is here for what it signed while it did. Left out of the one that signs.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub retired: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signed_bytes_are_those_of_the_dsse_specification() {
        // The example of the DSSE 1.0 protocol document.
        let bytes = Envelope::signed_bytes("http://example.com/HelloWorld", b"hello world");
        assert_eq!(bytes, b"DSSEv1 29 http://example.com/HelloWorld 11 hello world");
    }
}
