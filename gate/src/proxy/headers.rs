//! Which headers go from one side to the other.

use actix_web::http::header as actix;
use http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, COOKIE, EXPECT, FORWARDED, HOST, HeaderMap, HeaderName,
    HeaderValue, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};

use super::access::{ACCESS_HEADER, Access};
use crate::forward_auth::SECRET_HEADER;
use crate::visit::{is_pass, is_payment};

/// Headers that belong to one connection (RFC 9110, section 7.6.1), beside those that `Connection` names.
const HOP_BY_HOP: [HeaderName; 10] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
    // The gate itself has told the client to go on.
    EXPECT,
];

/// What says where a client is. The gate says it itself, or not at all.
const ADDRESSES: [HeaderName; 12] = [
    FORWARDED,
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("x-forwarded-host"),
    HeaderName::from_static("x-forwarded-proto"),
    HeaderName::from_static("x-real-ip"),
    HeaderName::from_static("cf-connecting-ip"),
    HeaderName::from_static("cf-connecting-ipv6"),
    HeaderName::from_static("fastly-client-ip"),
    HeaderName::from_static("true-client-ip"),
    HeaderName::from_static("x-client-ip"),
    HeaderName::from_static("x-cluster-client-ip"),
    HeaderName::from_static("x-azure-clientip"),
];

/// What some sites take for the path that is asked: they would serve another page than the one that was priced. So would
/// other names that begin with `x-forwarded-`.
const PATHS: [HeaderName; 4] = [
    HeaderName::from_static("x-original-uri"),
    HeaderName::from_static("x-original-url"),
    HeaderName::from_static("x-override-url"),
    HeaderName::from_static("x-rewrite-url"),
];

/// What the gate says of a request to the site.
pub(super) struct Said<'a> {
    /// The authority that the client asked.
    pub(super) authority: &'a str,
    /// `http` or `https`.
    pub(super) scheme: &'a str,
    /// The client's address, with those of the proxies before the gate, where the site is to know it.
    pub(super) client: Option<String>,
    /// Whether the reader has paid.
    pub(super) access: Access,
}

/// The headers of a request as the site gets them: without tokens, passes, and what belongs to the connection.
pub(super) fn to_site(sent: &actix::HeaderMap, said: &Said<'_>) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(sent.len() + 4);
    for (name, value) in sent {
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(name.as_str().as_bytes()), HeaderValue::from_bytes(value.as_bytes()))
        {
            headers.append(name, value);
        }
    }
    remove_hop_by_hop(&mut headers);
    remove_vouched(&mut headers);
    if headers.get_all(AUTHORIZATION).iter().any(|value| is_payment(value.as_bytes())) {
        headers.remove(AUTHORIZATION);
    }
    remove_passes(&mut headers);
    // Length and transfer are decided by the body that is sent on.
    headers.remove(CONTENT_LENGTH);
    let mut say = |name: HeaderName, text: &str| {
        if let Ok(value) = HeaderValue::from_str(text) {
            headers.insert(name, value);
        }
    };
    say(HOST, said.authority);
    say(HeaderName::from_static("x-forwarded-host"), said.authority);
    say(HeaderName::from_static("x-forwarded-proto"), said.scheme);
    if let Some(client) = &said.client {
        say(HeaderName::from_static("x-forwarded-for"), client);
    }
    say(HeaderName::from_static(ACCESS_HEADER), said.access.as_str());
    headers
}

/// Takes out what only the gate says of a request, and what only looks like it: to sites that get headers as variables (CGI,
/// WSGI, PHP) `Farthing_Access` and `Farthing.Access` are the same as `Farthing-Access`.
fn remove_vouched(headers: &mut HeaderMap) {
    let is_vouched = |name: &str| {
        name.starts_with("x-forwarded-")
            || name == ACCESS_HEADER
            || name == SECRET_HEADER
            || ADDRESSES.iter().chain(&PATHS).any(|ours| ours == name)
    };
    let plain = |name: &HeaderName| -> String {
        name.as_str().chars().map(|char| if char.is_ascii_alphanumeric() { char } else { '-' }).collect()
    };
    let is_alike_host = |name: &HeaderName, plain: &str| plain == HOST && *name != HOST;
    let doomed = headers.keys().filter(|name| {
        let plain = plain(name);
        is_vouched(&plain) || is_alike_host(name, &plain)
    });
    for name in doomed.cloned().collect::<Vec<_>>() {
        headers.remove(name);
    }
}

/// Takes out what belongs to the connection.
pub(super) fn remove_hop_by_hop(headers: &mut HeaderMap) {
    let lines = headers.get_all(CONNECTION).iter().filter_map(|line| line.to_str().ok());
    let named: Vec<HeaderName> =
        lines.flat_map(|line| line.split(',')).filter_map(|name| name.trim().parse().ok()).collect();
    for name in HOP_BY_HOP.into_iter().chain(named) {
        headers.remove(name);
    }
}

fn remove_passes(headers: &mut HeaderMap) {
    let kept: Vec<HeaderValue> = headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|line| {
            // A line that is no text cannot be split, and holds no pass that anybody could have read.
            let Ok(text) = line.to_str() else { return Some(line.clone()) };
            let pairs: Vec<_> = text.split(';').map(str::trim).filter(|pair| !is_pass(pair)).collect();
            let rest = pairs.join("; ");
            if rest.is_empty() { None } else { HeaderValue::from_str(&rest).ok() }
        })
        .collect();
    headers.remove(COOKIE);
    for line in kept {
        headers.append(COOKIE, line);
    }
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
                ("Cookie", "session=1; __Secure-farthing-pass=x; theme=dark"),
                ("X-Custom", "one"),
                ("X_Custom", "three"),
                ("X-Custom", "two"),
            ],
            None,
        );
        for line in [
            "authorization: Basic abc",
            "cookie: session=1; theme=dark",
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
