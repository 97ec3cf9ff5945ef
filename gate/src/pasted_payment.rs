use actix_web::web;
use farthing_api::MAX_TOKENS_PER_REDEMPTION;
use farthing_protocol::{CanonicalPath, Token};
use serde::Deserialize;
use serde_json::{Value, json};

/// Characters of a token, with what stands between two.
const TOKEN: usize = Token::LENGTH.div_ceil(3) * 4 + 6;

/// A payment that somebody pasted into the form of the gate's page. What it shows is worth money: no Debug.
pub(crate) struct PastedPayment {
    /// Path and query of the page that is paid for.
    pub(crate) path: String,
    /// The tokens; empty where what was pasted are none.
    pub(crate) tokens: Vec<Token>,
}

#[derive(Deserialize)]
struct Fields {
    path: String,
    tokens: String,
}

impl PastedPayment {
    /// How browsers send a form.
    pub(crate) const MEDIA_TYPE: &str = "application/x-www-form-urlencoded";
    /// The most bytes of one: as many tokens as a payment may have, and a long path, each of whose characters is encoded.
    pub(crate) const MAX_LENGTH: usize =
        MAX_TOKENS_PER_REDEMPTION * TOKEN + 4 * 3 * CanonicalPath::MAX_LENGTH;

    /// What its fields are, as JSON Schema.
    pub(crate) fn schema() -> Value {
        json!({
            "type": "object",
            "required": ["path", "tokens"],
            "properties": {
                "path": {
                    "type": "string",
                    "pattern": "^[!-~]*$",
                    "description": "The path and query of the page that is paid for.",
                },
                "tokens": {
                    "type": "string",
                    "description": "Tokens in base64url, one a line or with commas between them.",
                },
            },
        })
    }

    /// Reads the body of a form; `None` when it is another.
    pub(crate) fn read(body: &[u8]) -> Option<Self> {
        let body = std::str::from_utf8(body).ok()?;
        let Fields { path, tokens } = web::Query::<Fields>::from_query(body).ok()?.into_inner();
        // It will be an answer's `Location`.
        if !path.bytes().all(|byte| byte.is_ascii_graphic()) {
            return None;
        }
        let texts = tokens.split(|char: char| char.is_whitespace() || matches!(char, ',' | '"'));
        let tokens: Option<Vec<_>> = texts
            .filter(|text| !text.is_empty())
            .map(|text| Token::decode(&Token::bytes_of_base64url(text).ok()?).ok())
            .collect();
        Some(Self { path, tokens: tokens.unwrap_or_default() })
    }
}

#[cfg(test)]
mod tests {
    use data_encoding::BASE64URL_NOPAD;
    use farthing_protocol::{Authenticator, ChallengeDigest, Nonce, TokenKeyId};

    use super::*;

    fn token(number: u8) -> String {
        let token = Token::new(
            Nonce::from_bytes([number; 32]),
            ChallengeDigest::from_bytes([2; 32]),
            TokenKeyId::from_bytes([3; 32]),
            Authenticator::from_bytes([4; 64]),
        );
        BASE64URL_NOPAD.encode(&token.encode())
    }

    fn read(body: &str) -> Option<(String, usize)> {
        let PastedPayment { path, tokens } = PastedPayment::read(body.as_bytes())?;
        Some((path, tokens.len()))
    }

    #[test]
    fn tokens_stand_one_after_the_other_however_they_were_pasted() {
        let (one, two) = (token(1), token(2));
        for (pasted, count) in [
            (one.clone(), 1),
            (format!("%0D%0A++{one}%0D%0A{two}%0D%0A"), 2),
            (format!("%22{one}%22,+%22{two}%22"), 2),
            (String::new(), 0),
            (format!("{one}x"), 0),
            (format!("{one}+hello"), 0),
        ] {
            let read = read(&format!("path=%2Fa%3Fb%3D1&tokens={pasted}"));
            assert_eq!(read, Some(("/a?b=1".to_owned(), count)), "{pasted}");
        }
    }

    #[test]
    fn what_is_another_form_is_none() {
        for body in ["", "path=/a", "tokens=x", "path=/a%0d%0ax&tokens=x", "path=/%C3%A9&tokens=x", "\u{e9}"]
        {
            assert_eq!(read(body), None, "{body}");
        }
        assert_eq!(PastedPayment::read(b"path=/a&tokens=\xff").map(|_| ()), None);
    }

    #[test]
    fn the_longest_payment_is_read() {
        let longest =
            format!("path=/&tokens={}", format!("{}%0D%0A", token(1)).repeat(MAX_TOKENS_PER_REDEMPTION));
        assert!(longest.len() <= PastedPayment::MAX_LENGTH);
    }
}
