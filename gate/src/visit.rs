use std::sync::Arc;

use actix_web::http::header::{AUTHORIZATION, COOKIE as COOKIE_HEADER, HeaderMap, HeaderName};
use farthing_api::{Problem, ProblemKind};
use farthing_protocol::{AUTH_SCHEME, CanonicalPath, RedemptionHeader, Token};

use crate::host::Host;
use crate::pass::COOKIE;

/// Most passes of one request that are looked at: a browser sends those of the page and of what is above it.
const MOST_PASSES: usize = 16;

/// What a request says that matters at the gate. What it shows is worth money: no Debug.
pub struct Visit {
    /// Of which site.
    pub host: Host,
    /// Which page.
    pub path: CanonicalPath,
    /// Whether the path was sent in another spelling.
    respelled: bool,
    /// What follows the question mark, as it was sent: no price depends on it.
    pub query: Option<String>,
    /// The values of the cookies that may be passes.
    pub passes: Vec<String>,
    /// Tokens, if the request pays; empty where what it pays with are none.
    pub payment: Option<Arc<[Token]>>,
}

impl Visit {
    /// What the request for `path_and_query` of `host` with these headers says.
    ///
    /// # Errors
    /// The path is not canonical, or the payment does not decode.
    pub fn read(host: Host, path_and_query: &str, headers: &HeaderMap) -> Result<Self, Problem> {
        let (path, query) = match path_and_query.split_once('?') {
            Some((path, query)) => (path, Some(query.to_owned())),
            None => (path_and_query, None),
        };
        let sent = path;
        let path = CanonicalPath::parse(sent).map_err(|reason| {
            let detail = format!("{reason}; write it as the site's own links do");
            Problem::new(ProblemKind::AmbiguousPath, detail).in_field("path")
        })?;
        let respelled = path.as_str() != sent;
        Ok(Self { host, path, respelled, query, passes: passes(headers), payment: payment(headers)? })
    }

    /// Path and query to ask for instead, if the path was sent in another spelling than its canonical one.
    pub fn respelled(&self) -> Option<String> {
        self.respelled.then(|| self.path_and_query())
    }

    /// Path and query, as the site gets them.
    pub fn path_and_query(&self) -> String {
        match &self.query {
            Some(query) => format!("{}?{query}", self.path),
            None => self.path.to_string(),
        }
    }
}

/// The one value of a header; `None` when there is none, or several, or it is no text.
pub(crate) fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name);
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok(),
        _ => None,
    }
}

/// Whether a part of a header `Cookie` is a pass.
pub(crate) fn is_pass(pair: &[u8]) -> bool {
    let rest = pair.trim_ascii_start().strip_prefix(COOKIE.as_bytes());
    rest.is_some_and(|rest| rest.trim_ascii_start().starts_with(b"="))
}

fn passes(headers: &HeaderMap) -> Vec<String> {
    let lines = headers.get_all(COOKIE_HEADER).filter_map(|line| line.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';')).filter(|pair| is_pass(pair.as_bytes()));
    let values = pairs.filter_map(|pair| pair.split_once('=')).map(|(_, value)| value.trim().to_owned());
    values.take(MOST_PASSES).collect()
}

/// Whether the credentials of a header `Authorization` are tokens, or might be taken for some.
pub(crate) fn is_payment(value: &[u8]) -> bool {
    value
        .to_ascii_lowercase()
        .windows(AUTH_SCHEME.len())
        .any(|part| part.eq_ignore_ascii_case(AUTH_SCHEME.as_bytes()))
}

/// The tokens of the header `Authorization`. Credentials of other schemes are the site's business.
fn payment(headers: &HeaderMap) -> Result<Option<Arc<[Token]>>, Problem> {
    if !headers.get_all(AUTHORIZATION).any(|value| is_payment(value.as_bytes())) {
        return Ok(None);
    }
    let malformed = |reason: String| {
        let detail = format!("{reason}; nothing was spent; send one header `PrivateToken token=\"...\"`");
        Problem::new(ProblemKind::PaymentMalformed, detail).in_field(RedemptionHeader::NAME)
    };
    let value = only(headers, &AUTHORIZATION);
    let value =
        value.ok_or_else(|| malformed("there are several such headers, or it is no text".to_owned()))?;
    let header = RedemptionHeader::decode(value).map_err(|error| malformed(error.to_string()))?;
    Ok(Some(header.into_tokens().into()))
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;
    use farthing_protocol::{Authenticator, ChallengeDigest, Nonce, TokenKeyId};

    use super::*;

    fn read(path: &str, headers: &[(&str, &str)]) -> Result<Visit, Problem> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name.parse().unwrap(), HeaderValue::from_str(value).unwrap());
        }
        Visit::read("news.example".parse().unwrap(), path, &map)
    }

    fn header(count: u8) -> String {
        let token = |number| {
            Token::new(
                Nonce::from_bytes([number; 32]),
                ChallengeDigest::from_bytes([2; 32]),
                TokenKeyId::from_bytes([3; 32]),
                Authenticator::from_bytes([4; 64]),
            )
        };
        RedemptionHeader::new((0..count).map(token).collect()).unwrap().encode()
    }

    #[test]
    fn passes_are_found_among_other_cookies() {
        let visit = read(
            "/a?b=1",
            &[
                ("Cookie", "session=x; __Secure-farthing-pass=one;__Secure-farthing-passport=y"),
                ("Cookie", "__Secure-farthing-pass=two"),
            ],
        )
        .unwrap();
        assert_eq!(visit.passes, ["one", "two"]);
        assert_eq!((visit.path.as_str(), visit.query.as_deref()), ("/a", Some("b=1")));
        assert_eq!(visit.path_and_query(), "/a?b=1");
        assert!(visit.payment.is_none());
        let many = "__Secure-farthing-pass=x; ".repeat(100);
        assert_eq!(read("/a", &[("Cookie", &many)]).unwrap().passes.len(), MOST_PASSES);
    }

    #[test]
    fn tokens_are_read_and_other_credentials_left_alone() {
        for count in [1, 2, 30] {
            let visit = read("/a", &[("Authorization", &header(count))]).unwrap();
            assert_eq!(visit.payment.unwrap().len(), usize::from(count));
        }
        for others in ["Basic dXNlcjpwYXNz", "Bearer abc", ""] {
            assert!(read("/a", &[("Authorization", others)]).unwrap().payment.is_none());
        }
    }

    #[test]
    fn what_may_be_a_payment_and_is_none_is_refused() {
        let two = header(1);
        for headers in [
            vec![("Authorization", "PrivateToken")],
            vec![("Authorization", "PrivateToken token=AA")],
            vec![("Authorization", "Bearer x, PrivateToken token=AA")],
            vec![("Authorization", two.as_str()), ("Authorization", two.as_str())],
            vec![("Authorization", "Basic abc"), ("Authorization", two.as_str())],
        ] {
            let problem = read("/a", &headers).map(|_| ()).unwrap_err();
            assert_eq!(problem.kind, ProblemKind::PaymentMalformed.uri());
            assert_eq!((problem.status, problem.field.as_deref()), (400, Some("Authorization")));
        }
        let problem = read("/free/%2e%2e/paid", &[]).map(|_| ()).unwrap_err();
        assert_eq!(problem.kind, ProblemKind::AmbiguousPath.uri());
        assert!(!problem.detail.contains("paid"));
    }
}
