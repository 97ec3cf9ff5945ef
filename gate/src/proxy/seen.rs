use std::net::IpAddr;

use actix_web::HttpRequest;
use actix_web::http::header::{HeaderName, X_FORWARDED_FOR};
use farthing_service::network::Network;

use crate::visit::only;

const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// How a request reached the site's outermost door.
pub(crate) struct Seen<'a> {
    /// The authority that the client asked.
    pub(crate) authority: &'a str,
    /// `http` or `https`.
    pub(crate) scheme: &'static str,
    request: &'a HttpRequest,
    peer: Option<IpAddr>,
    by_proxy: bool,
}

impl<'a> Seen<'a> {
    /// What the connection says, and of the headers what one of the `trusted` proxies has written.
    pub(crate) fn of(request: &'a HttpRequest, authority: &'a str, trusted: &[Network]) -> Self {
        let peer = request.peer_addr().map(|peer| peer.ip().to_canonical());
        let is_trusted = |peer: IpAddr| trusted.iter().any(|network| network.contains(peer));
        let by_proxy = peer.is_some_and(is_trusted);
        let told = only(request.headers(), &X_FORWARDED_PROTO).filter(|_| by_proxy);
        let is_https =
            request.app_config().secure() || told.is_some_and(|told| told.eq_ignore_ascii_case("https"));
        Self { authority, scheme: if is_https { "https" } else { "http" }, request, peer, by_proxy }
    }

    /// The client's address, after those that proxies before the gate have told, if they may.
    pub(crate) fn client(&self) -> Option<String> {
        let before = self.request.headers().get_all(X_FORWARDED_FOR).filter(|_| self.by_proxy);
        let chain = before.filter_map(|line| line.to_str().ok()).map(str::to_owned);
        Some(chain.chain([self.peer?.to_string()]).collect::<Vec<_>>().join(", "))
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn only_a_trusted_proxy_says_how_a_request_came() {
        let request = TestRequest::default()
            .peer_addr("10.0.0.2:1".parse().unwrap())
            .insert_header(("X-Forwarded-Proto", "https"))
            .insert_header(("X-Forwarded-For", "203.0.113.7"))
            .to_http_request();
        let seen = |trusted: &[&str]| {
            let trusted: Vec<Network> = trusted.iter().map(|network| network.parse().unwrap()).collect();
            let seen = Seen::of(&request, "news.example", &trusted);
            (seen.scheme, seen.client().unwrap())
        };
        assert_eq!(seen(&[]), ("http", "10.0.0.2".to_owned()));
        assert_eq!(seen(&["10.0.0.0/8"]), ("https", "203.0.113.7, 10.0.0.2".to_owned()));
    }
}
