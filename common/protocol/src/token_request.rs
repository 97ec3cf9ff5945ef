use crate::reader::Reader;
use crate::{BlindedMessage, DecodeError, TokenType, TruncatedTokenKeyId};

/// A request for one token (RFC 9578, section 5.1), 35 bytes.
///
/// ```text
/// struct {
///     uint16_t token_type = 0x0005;       2 bytes
///     uint8_t truncated_token_key_id;     1 byte
///     uint8_t blinded_msg[Ne];           32 bytes
/// } TokenRequest;
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRequest {
    /// Last byte of the id of the key that shall issue.
    pub truncated_token_key_id: TruncatedTokenKeyId,
    /// The blinded element.
    pub blinded_msg: BlindedMessage,
}

impl TokenRequest {
    /// Length in bytes.
    pub const LENGTH: usize = 35;
    /// The Content-Type of a body that is one request.
    pub const MEDIA_TYPE: &str = "application/private-token-request";

    /// The bytes of the wire.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(Self::LENGTH);
        out.extend_from_slice(&TokenType::VoprfRistretto255.to_bytes());
        out.push(self.truncated_token_key_id.as_u8());
        out.extend_from_slice(self.blinded_msg.as_bytes());
        out
    }

    /// Reads one request, which must be all of `message`.
    ///
    /// # Errors
    /// [`DecodeError`] naming `token_type`, `truncated_token_key_id` or `blinded_msg`, or `token_request` when
    /// bytes follow.
    pub fn decode(message: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(message);
        reader.token_type()?;
        let truncated_token_key_id = TruncatedTokenKeyId::new(reader.u8("truncated_token_key_id")?);
        let blinded_msg = reader.element("blinded_msg", BlindedMessage::parse)?;
        reader.finish("token_request")?;
        Ok(Self { truncated_token_key_id, blinded_msg })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> Vec<u8> {
        let blinded_msg = BlindedMessage::from_bytes([2; 32]).unwrap();
        TokenRequest { truncated_token_key_id: TruncatedTokenKeyId::new(9), blinded_msg }.encode()
    }

    fn refusal(message: &[u8]) -> String {
        TokenRequest::decode(message).unwrap_err().to_string()
    }

    #[test]
    fn the_layout_is_the_standards() {
        let bytes = request();
        assert_eq!(bytes.len(), TokenRequest::LENGTH);
        assert_eq!(bytes[..4], [0, 5, 9, 2]);
        assert_eq!(TokenRequest::decode(&bytes).unwrap().encode(), bytes);
    }

    #[test]
    fn every_truncation_and_any_tail_is_refused() {
        let mut bytes = request();
        for length in 0..bytes.len() {
            assert!(refusal(&bytes[..length]).contains("left"), "{length}");
        }
        bytes.push(0);
        assert_eq!(refusal(&bytes), "token_request: 1 bytes too many");
    }

    #[test]
    fn the_type_and_the_element_are_checked() {
        let mut bytes = request();
        bytes[1] = 1;
        assert!(refusal(&bytes).starts_with("token_type: 0x0001 instead of 0x0005"));
        bytes[1] = 5;
        bytes[3..].fill(0);
        assert_eq!(refusal(&bytes), "blinded_msg: the identity element");
        bytes[3..].fill(0xff);
        assert!(refusal(&bytes).starts_with("blinded_msg: not a canonical"));
    }
}
