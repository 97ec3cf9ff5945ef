use crate::reader::Reader;
use crate::{DecodeError, EvaluatedMessage, EvaluatedProof, element};

const LIST: &str = "evaluated_msgs";

/// The answer to an [`AmortizedBatchTokenRequest`](crate::AmortizedBatchTokenRequest)
/// (draft-ietf-privacypass-batched-tokens, amortized issuance).
///
/// ```text
/// struct {
///     EvaluatedMessage evaluated_msgs<V>;   QUIC varint of the length in bytes, then 32 bytes an element
///     uint8_t evaluated_proof[Ns + Ns];     64 bytes, one proof for all
/// } AmortizedBatchTokenResponse;
/// ```
///
/// The elements are in the request's order, 1 to 65,535.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AmortizedBatchTokenResponse {
    evaluated_msgs: Vec<EvaluatedMessage>,
    evaluated_proof: EvaluatedProof,
}

impl AmortizedBatchTokenResponse {
    /// The Content-Type of a body that is one batch response.
    pub const MEDIA_TYPE: &str = "application/private-token-amortized-batch-response";

    /// Makes a response of elements in the request's order.
    ///
    /// # Errors
    /// [`DecodeError`] when there is no element or are more than 65,535.
    pub fn new(
        evaluated_msgs: Vec<EvaluatedMessage>,
        evaluated_proof: EvaluatedProof,
    ) -> Result<Self, DecodeError> {
        element::check_count(evaluated_msgs.len() as u64, LIST)?;
        Ok(Self { evaluated_msgs, evaluated_proof })
    }

    /// Makes a response of encoded elements and proof, as the evaluation returns them.
    ///
    /// # Errors
    /// As [`Self::new`], and when an element is not canonical or the identity.
    pub fn from_elements(elements: &[[u8; 32]], proof: [u8; 64]) -> Result<Self, DecodeError> {
        let evaluated_msgs = element::parse_list(elements, LIST, EvaluatedMessage::parse)?;
        Self::new(evaluated_msgs, EvaluatedProof::from_bytes(proof))
    }

    /// The evaluated elements, 1 to 65,535.
    pub fn evaluated_msgs(&self) -> &[EvaluatedMessage] {
        &self.evaluated_msgs
    }

    /// The evaluated elements as finalization takes them.
    pub fn elements(&self) -> Vec<[u8; 32]> {
        self.evaluated_msgs.iter().map(|message| message.to_bytes()).collect()
    }

    /// The one proof for all elements.
    pub const fn evaluated_proof(&self) -> &EvaluatedProof {
        &self.evaluated_proof
    }

    /// The bytes of the wire.
    pub fn encode(&self) -> Vec<u8> {
        let elements = self.evaluated_msgs.len() * EvaluatedMessage::LENGTH;
        let mut out = Vec::with_capacity(4 + elements + EvaluatedProof::LENGTH);
        element::write_list(&self.evaluated_msgs, &mut out);
        out.extend_from_slice(self.evaluated_proof.as_bytes());
        out
    }

    /// Reads one batch response, which must be all of `message`.
    ///
    /// # Errors
    /// [`DecodeError`] naming `evaluated_msgs` (length not in its shortest form, not a multiple of 32, none, too
    /// many, longer than the message), an element such as `evaluated_msgs[3]` (identity, not canonical),
    /// `evaluated_proof`, or `amortized_batch_token_response` when bytes follow.
    pub fn decode(message: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(message);
        let evaluated_msgs = element::read_list(&mut reader, LIST, EvaluatedMessage::parse)?;
        let evaluated_proof = EvaluatedProof::from_bytes(reader.array("evaluated_proof")?);
        reader.finish("amortized_batch_token_response")?;
        Ok(Self { evaluated_msgs, evaluated_proof })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(message: &[u8]) -> String {
        AmortizedBatchTokenResponse::decode(message).unwrap_err().to_string()
    }

    #[test]
    fn elements_and_the_proof_come_back() {
        let bytes =
            AmortizedBatchTokenResponse::from_elements(&[[2; 32], [4; 32]], [9; 64]).unwrap().encode();
        assert_eq!(bytes.len(), 2 + 64 + 64);
        let decoded = AmortizedBatchTokenResponse::decode(&bytes).unwrap();
        assert_eq!(decoded.elements(), [[2; 32], [4; 32]]);
        assert_eq!(decoded.evaluated_proof().as_bytes(), &[9; 64]);
        assert_eq!(decoded.encode(), bytes);
        for length in 0..bytes.len() {
            assert!(refusal(&bytes[..length]).contains("left"), "{length}");
        }
        assert_eq!(refusal(&[&bytes[..], &[0]].concat()), "amortized_batch_token_response: 1 bytes too many");
    }

    #[test]
    fn the_list_is_checked_as_in_the_request() {
        let proof = [9; 64];
        assert_eq!(refusal(&[&[0][..], &proof].concat()), "evaluated_msgs: empty");
        assert_eq!(
            refusal(&[&[0x21][..], &[2; 33], &proof].concat()),
            "evaluated_msgs: 33 bytes are not a whole number of 32-byte elements"
        );
        assert_eq!(
            refusal(&[&[0x40, 0x20][..], &[2; 32], &proof].concat()),
            "evaluated_msgs: the length is not encoded in its shortest form"
        );
        assert_eq!(
            refusal(&[&[0x20][..], &[0; 32], &proof].concat()),
            "evaluated_msgs[0]: the identity element"
        );
        assert_eq!(refusal(&[0x80, 0x20, 0, 0]), "evaluated_msgs: 65536 entries, at most 65535 are allowed");
    }
}
