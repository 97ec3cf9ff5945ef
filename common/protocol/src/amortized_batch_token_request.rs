use crate::reader::Reader;
use crate::{BlindedMessage, DecodeError, TokenType, TruncatedTokenKeyId, element};

const LIST: &str = "blinded_msgs";

/// A request for a batch of tokens of one key (draft-ietf-privacypass-batched-tokens, amortized issuance).
///
/// ```text
/// struct {
///     uint16_t token_type = 0x0005;       2 bytes
///     uint8_t truncated_token_key_id;     1 byte
///     BlindedMessage blinded_msgs<V>;     QUIC varint of the length in bytes, then 32 bytes an element
/// } AmortizedBatchTokenRequest;
/// ```
///
/// It holds 1 to 65,535 elements ([`MAX_BATCH`](crate::MAX_BATCH)); how many are wanted is the caller's to check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AmortizedBatchTokenRequest {
    truncated_token_key_id: TruncatedTokenKeyId,
    blinded_msgs: Vec<BlindedMessage>,
}

impl AmortizedBatchTokenRequest {
    /// The Content-Type of a body that is one batch request.
    pub const MEDIA_TYPE: &str = "application/private-token-amortized-batch-request";

    /// Makes a request of elements that were blinded in this order.
    ///
    /// # Errors
    /// [`DecodeError`] when there is no element or are more than 65,535.
    pub fn new(
        truncated_token_key_id: TruncatedTokenKeyId,
        blinded_msgs: Vec<BlindedMessage>,
    ) -> Result<Self, DecodeError> {
        element::check_count(blinded_msgs.len() as u64, LIST)?;
        Ok(Self { truncated_token_key_id, blinded_msgs })
    }

    /// Makes a request of encoded elements, as blinding returns them.
    ///
    /// # Errors
    /// As [`Self::new`], and when an element is not canonical or the identity.
    pub fn from_elements(
        truncated_token_key_id: TruncatedTokenKeyId,
        elements: &[[u8; 32]],
    ) -> Result<Self, DecodeError> {
        let blinded_msgs = element::parse_list(elements, LIST, BlindedMessage::parse)?;
        Self::new(truncated_token_key_id, blinded_msgs)
    }

    /// Last byte of the id of the key that shall issue.
    pub const fn truncated_token_key_id(&self) -> TruncatedTokenKeyId {
        self.truncated_token_key_id
    }

    /// The blinded elements, 1 to 65,535.
    pub fn blinded_msgs(&self) -> &[BlindedMessage] {
        &self.blinded_msgs
    }

    /// The blinded elements as the evaluation takes them.
    pub fn elements(&self) -> Vec<[u8; 32]> {
        self.blinded_msgs.iter().map(|message| message.to_bytes()).collect()
    }

    /// The bytes of the wire.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(7 + self.blinded_msgs.len() * BlindedMessage::LENGTH);
        out.extend_from_slice(&TokenType::VoprfRistretto255.to_bytes());
        out.push(self.truncated_token_key_id.as_u8());
        element::write_list(&self.blinded_msgs, &mut out);
        out
    }

    /// Reads one batch request, which must be all of `message`.
    ///
    /// # Errors
    /// [`DecodeError`] naming `token_type`, `truncated_token_key_id`, `blinded_msgs` (length not in its shortest
    /// form, not a multiple of 32, none, too many, longer than the message), or an element such as
    /// `blinded_msgs[3]` (identity, not canonical), or `amortized_batch_token_request` when bytes follow.
    pub fn decode(message: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(message);
        reader.token_type()?;
        let truncated_token_key_id = TruncatedTokenKeyId::new(reader.u8("truncated_token_key_id")?);
        let blinded_msgs = element::read_list(&mut reader, LIST, BlindedMessage::parse)?;
        reader.finish("amortized_batch_token_request")?;
        Ok(Self { truncated_token_key_id, blinded_msgs })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MAX_BATCH;

    fn batch(count: usize) -> Vec<u8> {
        let elements = vec![[2; 32]; count];
        AmortizedBatchTokenRequest::from_elements(TruncatedTokenKeyId::new(9), &elements).unwrap().encode()
    }

    fn refusal(message: &[u8]) -> String {
        AmortizedBatchTokenRequest::decode(message).unwrap_err().to_string()
    }

    #[test]
    fn batches_of_every_length_of_the_length() {
        for (count, prefix) in [(1, 1), (2, 2), (511, 2), (512, 4), (MAX_BATCH, 4)] {
            let bytes = batch(count);
            assert_eq!(bytes.len(), 3 + prefix + 32 * count);
            let decoded = AmortizedBatchTokenRequest::decode(&bytes).unwrap();
            assert_eq!(decoded.blinded_msgs().len(), count);
            assert_eq!(decoded.elements(), vec![[2; 32]; count]);
            assert_eq!(decoded.encode(), bytes);
        }
    }

    #[test]
    fn every_truncation_and_any_tail_is_refused() {
        let mut bytes = batch(2);
        for length in 0..bytes.len() {
            assert!(refusal(&bytes[..length]).contains("left"), "{length}");
        }
        bytes.push(0);
        assert_eq!(refusal(&bytes), "amortized_batch_token_request: 1 bytes too many");
    }

    #[test]
    fn the_length_must_be_shortest_whole_and_within_bounds() {
        let element = [2; 32];
        assert_eq!(
            refusal(&[&[0, 5, 9, 0x40, 0x20][..], &element].concat()),
            "blinded_msgs: the length is not encoded in its shortest form"
        );
        assert_eq!(
            refusal(&[&[0, 5, 9, 0x1f][..], &element].concat()),
            "blinded_msgs: 31 bytes are not a whole number of 32-byte elements"
        );
        assert_eq!(refusal(&[0, 5, 9, 0]), "blinded_msgs: empty");
        assert_eq!(
            refusal(&[0, 5, 9, 0x80, 0x20, 0, 0]),
            "blinded_msgs: 65536 entries, at most 65535 are allowed",
            "refused by its length alone"
        );
    }

    #[test]
    fn a_bad_element_is_named_by_its_index() {
        let mut bytes = batch(5);
        bytes[5 + 3 * 32..5 + 4 * 32].fill(0);
        assert_eq!(refusal(&bytes), "blinded_msgs[3]: the identity element");
        bytes[5 + 3 * 32] = 1;
        assert_eq!(refusal(&bytes), "blinded_msgs[3]: not a canonical encoding of a ristretto255 element");
    }

    #[test]
    fn no_request_can_be_made_that_would_not_decode() {
        let id = TruncatedTokenKeyId::new(9);
        assert!(AmortizedBatchTokenRequest::new(id, Vec::new()).is_err());
        assert!(AmortizedBatchTokenRequest::from_elements(id, &[[0; 32]]).is_err());
        assert!(AmortizedBatchTokenRequest::from_elements(id, &vec![[2; 32]; MAX_BATCH + 1]).is_err());
    }
}
