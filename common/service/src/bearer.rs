//! The `Authorization: Bearer` header (RFC 6750), by which wallets show claim secrets and publishers API keys.

use actix_web::http::header::{AUTHORIZATION, HeaderMap};

/// The token of the one `Authorization: Bearer TOKEN` header; the scheme's case does not matter.
///
/// `None` when there is no such header, more than one, another scheme, or a token outside RFC 6750's alphabet. The
/// token is a secret: compare it in constant time, and log neither it nor the header.
pub fn bearer_token(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION);
    let value = values.next()?.to_str().ok()?;
    if values.next().is_some() {
        return None;
    }
    let (scheme, rest) = value.split_once(' ')?;
    let token = rest.trim_matches(' ');
    let in_alphabet = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() && token.bytes().all(in_alphabet))
        .then_some(token)
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    fn parse(values: &[&str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        }
        bearer_token(&headers).map(str::to_owned)
    }

    #[test]
    fn the_scheme_is_read_in_any_case() {
        for value in ["Bearer a-._~+/9==", "bearer a-._~+/9==", "BEARER  a-._~+/9== "] {
            assert_eq!(parse(&[value]).as_deref(), Some("a-._~+/9=="), "{value}");
        }
    }

    #[test]
    fn anything_else_is_no_token() {
        for values in [
            &[][..],
            &["Bearer"],
            &["Bearer "],
            &["Basic abc"],
            &["Bearerabc"],
            &["Bearer a b"],
            &["Bearer \"abc\""],
            &["Bearer abc", "Bearer abc"],
        ] {
            assert_eq!(parse(values), None, "{values:?}");
        }
    }
}
