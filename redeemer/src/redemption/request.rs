use farthing_api::{MAX_TOKENS_PER_REDEMPTION, NewRedemption, ProblemKind};
use farthing_protocol::Token;
use farthing_service::body::decode_json;
use farthing_service::problem::ProblemResponse;

/// The longest body in bytes: 1,000 tokens as JSON take 219,000.
pub const MAX_BODY: usize = 256 * 1024;

/// What a publisher asks: to take these tokens, all or each for itself.
pub struct RedemptionRequest {
    /// 1 to 1,000 of them, in the request's order.
    pub tokens: Vec<SubmittedToken>,
    /// Whether all are taken or none.
    pub atomic: bool,
}

/// One token as it was sent.
pub enum SubmittedToken {
    /// 162 bytes, of whatever token type.
    Bytes(Box<[u8; Token::LENGTH]>),
    /// Text that is not base64url of 162 bytes.
    Malformed(String),
}

impl SubmittedToken {
    /// The token, if it is one of type 0x0005.
    pub fn decode(&self) -> Option<Token> {
        match self {
            Self::Bytes(bytes) => Token::decode(&bytes[..]).ok(),
            Self::Malformed(_) => None,
        }
    }
}

impl RedemptionRequest {
    /// Reads the JSON form.
    ///
    /// # Errors
    /// 422 when the body is not JSON of that form, or has none or too many tokens. A token that is none is not an
    /// error of the request: it gets its own result.
    pub fn from_json(body: &[u8]) -> Result<Self, ProblemResponse> {
        let NewRedemption { tokens, atomic } = decode_json(body)?;
        check_count(tokens.len())?;
        let tokens = tokens.into_iter().map(|text| match Token::bytes_of_base64url(&text) {
            Ok(bytes) => SubmittedToken::Bytes(Box::new(bytes)),
            Err(_) => SubmittedToken::Malformed(text),
        });
        Ok(Self { tokens: tokens.collect(), atomic })
    }

    /// Reads the binary form: tokens of 162 bytes, back to back.
    ///
    /// # Errors
    /// 422 when the body is not a whole number of tokens, or has none or too many.
    pub fn from_octets(body: &[u8], atomic: bool) -> Result<Self, ProblemResponse> {
        let (tokens, rest) = body.as_chunks::<{ Token::LENGTH }>();
        if !rest.is_empty() {
            let detail = format!(
                "the body is tokens of {} bytes back to back, and {} bytes are left over; send whole tokens",
                Token::LENGTH,
                rest.len()
            );
            return Err(ProblemResponse::new(ProblemKind::Malformed, detail).in_field("tokens"));
        }
        check_count(tokens.len())?;
        Ok(Self {
            tokens: tokens.iter().map(|bytes| SubmittedToken::Bytes(Box::new(*bytes))).collect(),
            atomic,
        })
    }
}

fn check_count(count: usize) -> Result<(), ProblemResponse> {
    if (1..=MAX_TOKENS_PER_REDEMPTION).contains(&count) {
        return Ok(());
    }
    let detail = format!("there are {count} tokens; send 1 to {MAX_TOKENS_PER_REDEMPTION}");
    Err(ProblemResponse::new(ProblemKind::TokenCount, detail).in_field("tokens"))
}

#[cfg(test)]
mod tests {
    use data_encoding::BASE64URL_NOPAD;
    use proptest::prelude::*;

    use super::*;
    use crate::redemption::{IdempotencySecret, RequestMac};

    fn json(tokens: &[String], atomic: Option<bool>) -> Vec<u8> {
        let mut body = serde_json::json!({ "tokens": tokens });
        if let Some(atomic) = atomic {
            body["atomic"] = atomic.into();
        }
        serde_json::to_vec(&body).unwrap()
    }

    fn mac(request: &RedemptionRequest) -> RequestMac {
        IdempotencySecret::from_bytes(&[1; 32]).request_mac(request)
    }

    #[test]
    fn counts_are_checked_in_both_forms() {
        let text = BASE64URL_NOPAD.encode(&[0; 162]);
        for (count, good) in [(0, false), (1, true), (1_000, true), (1_001, false)] {
            let body = json(&vec![text.clone(); count], None);
            assert!(body.len() <= MAX_BODY);
            assert_eq!(RedemptionRequest::from_json(&body).is_ok(), good, "{count}");
            let octets = RedemptionRequest::from_octets(&vec![0; count * 162], true);
            assert_eq!(octets.is_ok(), good, "{count}");
            if let Err(problem) = octets {
                assert_eq!(problem.problem().kind, ProblemKind::TokenCount.uri());
            }
        }
        let partial = RedemptionRequest::from_octets(&[0; 163], true).err().unwrap();
        assert_eq!(partial.problem().field.as_deref(), Some("tokens"));
        assert_eq!(partial.problem().kind, ProblemKind::Malformed.uri());
    }

    #[test]
    fn what_is_no_token_is_kept_for_its_own_result() {
        let body = json(
            &["!".to_owned(), BASE64URL_NOPAD.encode(&[0; 161]), BASE64URL_NOPAD.encode(&[0; 162])],
            None,
        );
        let request = RedemptionRequest::from_json(&body).unwrap();
        assert!(request.atomic);
        let [text, short, other_type] = &request.tokens[..] else { panic!() };
        assert!(matches!((text, short), (SubmittedToken::Malformed(_), SubmittedToken::Malformed(_))));
        assert!(matches!(other_type, SubmittedToken::Bytes(_)) && other_type.decode().is_none());
    }

    fn token_bytes() -> impl Strategy<Value = Vec<u8>> {
        proptest::collection::vec(any::<u8>(), 162)
    }

    proptest! {
        #[test]
        fn json_and_binary_are_the_same_request(
            tokens in proptest::collection::vec(token_bytes(), 1..5),
            atomic: bool,
        ) {
            let texts: Vec<_> = tokens.iter().map(|bytes| BASE64URL_NOPAD.encode(bytes)).collect();
            let from_json = RedemptionRequest::from_json(&json(&texts, Some(atomic))).unwrap();
            let from_octets = RedemptionRequest::from_octets(&tokens.concat(), atomic).unwrap();
            prop_assert_eq!(mac(&from_json), mac(&from_octets));
            prop_assert_eq!(from_json.atomic, from_octets.atomic);
            for (a, b) in from_json.tokens.iter().zip(&from_octets.tokens) {
                prop_assert_eq!(a.decode(), b.decode());
            }
            let other = RedemptionRequest::from_octets(&tokens.concat(), !atomic).unwrap();
            prop_assert_ne!(mac(&from_octets), mac(&other));
        }

        #[test]
        fn any_bytes_are_read_or_refused(body: Vec<u8>) {
            let _ = RedemptionRequest::from_json(&body);
            let _ = RedemptionRequest::from_octets(&body, true);
        }
    }
}
