use crate::reader::Reader;
use crate::{DecodeError, EvaluatedMessage, EvaluatedProof};

/// The answer to a [`TokenRequest`](crate::TokenRequest) (RFC 9578, section 5.2), 96 bytes.
///
/// ```text
/// struct {
///     uint8_t evaluated_msg[Ne];         32 bytes
///     uint8_t evaluated_proof[Ns + Ns];  64 bytes
/// } TokenResponse;
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenResponse {
    /// The evaluated element.
    pub evaluated_msg: EvaluatedMessage,
    /// The proof that the listed key evaluated it.
    pub evaluated_proof: EvaluatedProof,
}

impl TokenResponse {
    /// Length in bytes.
    pub const LENGTH: usize = 96;
    /// The Content-Type of a body that is one response.
    pub const MEDIA_TYPE: &str = "application/private-token-response";

    /// The bytes of the wire.
    pub fn encode(&self) -> Vec<u8> {
        [self.evaluated_msg.as_ref(), self.evaluated_proof.as_ref()].concat()
    }

    /// Reads one response, which must be all of `message`.
    ///
    /// # Errors
    /// [`DecodeError`] naming `evaluated_msg` or `evaluated_proof`, or `token_response` when bytes follow.
    pub fn decode(message: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(message);
        let evaluated_msg = reader.element("evaluated_msg", EvaluatedMessage::parse)?;
        let evaluated_proof = EvaluatedProof::from_bytes(reader.array("evaluated_proof")?);
        reader.finish("token_response")?;
        Ok(Self { evaluated_msg, evaluated_proof })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_96_bytes_with_an_element_first_decode() {
        let bytes = [[2; 32], [7; 32], [8; 32]].concat();
        assert_eq!(TokenResponse::decode(&bytes).unwrap().encode(), bytes);
        let refusal = |message: &[u8]| TokenResponse::decode(message).unwrap_err().to_string();
        for length in 0..bytes.len() {
            assert!(refusal(&bytes[..length]).contains("left"), "{length}");
        }
        assert_eq!(refusal(&[&bytes[..], &[0, 0]].concat()), "token_response: 2 bytes too many");
        assert_eq!(refusal(&[0; 96]), "evaluated_msg: the identity element");
    }
}
