//! Which headers go from one side to the other.

use actix_web::http::header as actix;
use http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, COOKIE, HOST, HeaderMap, HeaderName, HeaderValue,
};

use super::access::{ACCESS_HEADER, Access};
use crate::forward_auth::SECRET_HEADER;
use crate::visit::{is_pass, is_payment};

/// Headers that belong to one connection (RFC 9110, section 7.6.1), beside those that `Connection` names.
const HOP_BY_HOP: [&str; 10] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    // The gate itself has told the client to go on.
    "expect",
];

/// How the headers begin in which proxies say what was asked of them, and by whom.
const FORWARDED: &str = "x-forwarded-";

/// What only the gate says of a request, beside what begins with [`FORWARDED`].
const VOUCHED: [&str; 18] = [
    ACCESS_HEADER,
    SECRET_HEADER,
    // Where a client is: the gate says it itself, or not at all.
    "forwarded",
    "x-real-ip",
    "cf-connecting-ip",
    "cf-connecting-ipv6",
    "fastly-client-ip",
    "true-client-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-azure-clientip",
    // What some sites take for the path that is asked: they would serve another page than the one that was priced.
    "x-original-uri",
    "x-original-url",
    "x-override-url",
    "x-rewrite-url",
    "path-info",
    "script-name",
    "x-script-name",
];

/// What the gate says of a request to the site.
pub(super) struct Said<'a> {
    /// The authority that the client asked.
    pub(super) authority: &'a str,
    /// `http` or `https`.
    pub(super) scheme: &'static str,
    /// The client's address, with those of the proxies before the gate, where the site is to know it.
    pub(super) client: Option<String>,
    /// Whether the reader has paid.
    pub(super) access: Access,
}

/// The headers of a request as the site gets them: without tokens, passes, and what belongs to the connection.
pub(super) fn to_site(sent: &actix::HeaderMap, said: &Said<'_>) -> HeaderMap {
    let pays = sent.get_all(actix::AUTHORIZATION).any(|value| is_payment(value.as_bytes()));
    let is_kept = |name: &str| {
        // Length and transfer are decided by the body that is sent on.
        let is_ours = is_hop_by_hop(name) || is_vouched(name) || name == CONTENT_LENGTH || name == COOKIE;
        let is_payment = pays && name == AUTHORIZATION;
        !(is_ours || is_payment)
    };
    let mut headers = HeaderMap::with_capacity(sent.len() + 5);
    for (name, value) in sent.iter().filter(|(name, _)| is_kept(name.as_str())) {
        let Ok(name) = HeaderName::from_bytes(name.as_str().as_bytes()) else { continue };
        let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) else { continue };
        headers.append(name, value);
    }
    if let Some(cookies) = cookies(sent) {
        headers.insert(COOKIE, cookies);
    }
    remove_named(&mut headers, sent.get_all(actix::CONNECTION).filter_map(|line| line.to_str().ok()));
    let mut say = |name: HeaderName, text: &str| {
        if let Ok(value) = HeaderValue::from_str(text) {
            headers.insert(name, value);
        }
    };
    say(HOST, said.authority);
    say(HeaderName::from_static("x-forwarded-host"), said.authority);
    if let Some(client) = &said.client {
        say(HeaderName::from_static("x-forwarded-for"), client);
    }
    let constant = HeaderValue::from_static;
    headers.insert(HeaderName::from_static("x-forwarded-proto"), constant(said.scheme));
    headers.insert(HeaderName::from_static(ACCESS_HEADER), constant(said.access.as_str()));
    headers
}

/// Takes what belongs to the connection out of the headers of an answer.
pub(super) fn to_client(answered: &mut HeaderMap) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
    let lines: Vec<HeaderValue> = answered.get_all(CONNECTION).iter().cloned().collect();
    remove_named(answered, lines.iter().filter_map(|line| line.to_str().ok()));
    answered.iter().filter(|(name, _)| !is_hop_by_hop(name.as_str()))
}

fn is_hop_by_hop(name: &str) -> bool {
    HOP_BY_HOP.contains(&name)
}

/// Takes out what these lines of `Connection` name.
fn remove_named<'a>(headers: &mut HeaderMap, lines: impl Iterator<Item = &'a str>) {
    for name in lines.flat_map(|line| line.split(',')) {
        headers.remove(name.trim());
    }
}

/// Whether only the gate may say this, or whether it looks like it.
fn is_vouched(name: &str) -> bool {
    let begins = name.get(..FORWARDED.len()).is_some_and(|start| is_alike(start, FORWARDED));
    begins || VOUCHED.iter().any(|ours| is_alike(name, ours))
}

/// Whether a site may take one name for the other: to those that get headers as variables (CGI, WSGI, PHP)
/// `Farthing_Access` and `Farthing.Access` are the same as `Farthing-Access`.
fn is_alike(name: &str, ours: &str) -> bool {
    let same = |(sent, ours): (u8, u8)| sent == ours || (ours == b'-' && !sent.is_ascii_alphanumeric());
    name.len() == ours.len() && name.bytes().zip(ours.bytes()).all(same)
}

/// The cookies that are the site's own, if there are any. They come in as many lines as a client of HTTP/2 likes, and go in
/// one, as HTTP/1.1 has it (RFC 9113, section 8.2.3).
fn cookies(sent: &actix::HeaderMap) -> Option<HeaderValue> {
    let mut own = Vec::new();
    for line in sent.get_all(actix::COOKIE) {
        let pairs = line.as_bytes().split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
        own.extend(pairs.filter(|pair| !(pair.is_empty() || is_pass(pair))));
    }
    if own.is_empty() { None } else { HeaderValue::from_bytes(&own.join(&b"; "[..])).ok() }
}

/// Whether a client asks to speak WebSocket: the one protocol that is passed through.
pub(super) fn wants_websocket(sent: &actix::HeaderMap) -> bool {
    let has = |name: actix::HeaderName, word: &str| {
        let lines = sent.get_all(name).filter_map(|line| line.to_str().ok());
        lines.flat_map(|line| line.split(',')).any(|part| part.trim().eq_ignore_ascii_case(word))
    };
    has(actix::CONNECTION, "upgrade") && has(actix::UPGRADE, "websocket")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(headers: &[(&str, &str)]) -> actix::HeaderMap {
        let mut map = actix::HeaderMap::new();
        for (name, value) in headers {
            map.append(name.parse().unwrap(), actix::HeaderValue::from_str(value).unwrap());
        }
        map
    }

    fn passed(headers: &[(&str, &str)], client: Option<&str>) -> Vec<String> {
        let client = client.map(str::to_owned);
        let said = Said { authority: "news.example:8443", scheme: "https", client, access: Access::Paid };
        let mut lines: Vec<_> = to_site(&sent(headers), &said)
            .iter()
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
            .collect();
        lines.sort();
        lines
    }

    const SAID: [&str; 4] = [
        "farthing-access: paid",
        "host: news.example:8443",
        "x-forwarded-host: news.example:8443",
        "x-forwarded-proto: https",
    ];

    #[test]
    fn the_site_gets_neither_tokens_nor_passes_nor_addresses() {
        let headers = [
            ("Host", "other.example"),
            ("Authorization", "privatetoken token=AA"),
            ("Cookie", "__Secure-farthing-pass=x"),
            ("Farthing-Access", "paid, free"),
            ("X-Forwarded-For", "203.0.113.7"),
            ("X-Forwarded-Proto", "http"),
            ("X-Real-IP", "203.0.113.7"),
            ("Forwarded", "for=203.0.113.7"),
            ("Farthing_Access", "paid"),
            ("X_Forwarded-For", "203.0.113.7"),
            ("Farthing.Access", "paid"),
            ("Farthing-Proxy-Secret", "correct horse battery"),
            ("X-Forwarded-Prefix", "/articles"),
            ("X-Original-URL", "/articles/7"),
            ("X_Rewrite_URL", "/articles/7"),
            ("CF-Connecting-IP", "203.0.113.7"),
            ("SCRIPT_NAME", "/x"),
            ("X-Script-Name", "/x"),
            ("Path-Info", "/articles/7"),
        ];
        assert_eq!(passed(&headers, None), SAID);
        let mut with_client = SAID.map(str::to_owned).to_vec();
        with_client.insert(2, "x-forwarded-for: 198.51.100.1".to_owned());
        assert_eq!(passed(&headers, Some("198.51.100.1")), with_client);
    }

    #[test]
    fn what_is_the_sites_own_is_passed_on() {
        let lines = passed(
            &[
                ("Authorization", "Basic abc"),
                ("Cookie", "session=1; __Secure-farthing-pass=x; theme=dark;"),
                ("Cookie", "__Secure-farthing-pass=y"),
                ("Cookie", "lang=de"),
                ("X-Custom", "one"),
                ("X_Custom", "three"),
                ("X-Custom", "two"),
            ],
            None,
        );
        for line in [
            "authorization: Basic abc",
            "cookie: session=1; theme=dark; lang=de",
            "x-custom: one",
            "x-custom: two",
            "x_custom: three",
        ] {
            assert!(lines.iter().any(|passed| passed == line), "{line} is not in {lines:?}");
        }
    }

    #[test]
    fn what_belongs_to_the_connection_is_not_passed_on() {
        let headers = [
            ("Connection", "close, X-Hop"),
            ("Connection", "Farthing-Access"),
            ("X-Hop", "1"),
            ("Keep-Alive", "timeout=5"),
            ("Transfer-Encoding", "chunked"),
            ("Content-Length", "5"),
            ("TE", "trailers"),
            ("Trailer", "X"),
            ("Upgrade", "h2c"),
            ("Expect", "100-continue"),
            ("Proxy-Authorization", "Basic x"),
            ("Proxy-Connection", "keep-alive"),
        ];
        assert_eq!(passed(&headers, None), SAID);
    }

    #[test]
    fn websocket_is_asked_for_by_both_headers() {
        let asks = |headers: &[(&str, &str)]| wants_websocket(&sent(headers));
        assert!(asks(&[("Connection", "keep-alive, Upgrade"), ("Upgrade", "WebSocket")]));
        assert!(!asks(&[("Connection", "upgrade"), ("Upgrade", "h2c")]));
        assert!(!asks(&[("Upgrade", "websocket")]));
        assert!(!asks(&[("Connection", "upgrade")]));
    }
}
