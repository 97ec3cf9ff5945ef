//! Whether a request comes from a page of the very site that it is for.

use actix_web::HttpRequest;
use actix_web::http::header::ORIGIN;
use actix_web::http::uri::Authority;

/// The authority that a request is for: the one of its URL, or else its one header `Host`; none if there is none, or if
/// there are two.
pub fn authority(request: &HttpRequest) -> Option<&str> {
    let named = request.uri().authority().map(Authority::as_str);
    let mut hosts = request.headers().get_all("host").map(|value| value.to_str().ok());
    let host = match (hosts.next(), hosts.next()) {
        (None, _) => None,
        (Some(Some(host)), None) => Some(host),
        _ => return None,
    };
    match (named, host) {
        (Some(named), Some(host)) if named.eq_ignore_ascii_case(host) => Some(named),
        (Some(one), None) | (None, Some(one)) => Some(one),
        _ => None,
    }
}

/// Whether nobody can listen in, or put a page of his own in between, on the way to a host even without a certificate: it is
/// this machine under one of its usual names, or an onion service. `host` has no port.
pub fn is_safe_without_tls(host: &str) -> bool {
    let last = host.rsplit('.').next().unwrap_or_default();
    ["localhost", "onion"].iter().any(|safe| last.eq_ignore_ascii_case(safe))
        || host.starts_with("127.")
        || host == "[::1]"
}

/// Whether a request says that it comes from a page of the site that it is for, as browsers say of every POST. A page that
/// came over plain HTTP is the site's own only where nobody could have put another in its place.
pub fn is_same_origin(request: &HttpRequest) -> bool {
    let mut origins = request.headers().get_all(ORIGIN).map(|value| value.to_str().ok());
    let (Some(Some(origin)), None) = (origins.next(), origins.next()) else { return false };
    let plain = || {
        origin.strip_prefix("http://").filter(|named| {
            let port = named.rfind(':').filter(|colon| !named[*colon..].contains(']'));
            is_safe_without_tls(&named[..port.unwrap_or(named.len())])
        })
    };
    let named = origin.strip_prefix("https://").or_else(plain);
    named.zip(authority(request)).is_some_and(|(named, authority)| named.eq_ignore_ascii_case(authority))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn only_the_sites_own_pages_are_of_its_origin() {
        let check = |origins: &[&str]| {
            let request = TestRequest::default().insert_header(("Host", "news.example:8443"));
            let request =
                origins.iter().fold(request, |request, origin| request.append_header(("Origin", *origin)));
            is_same_origin(&request.to_http_request())
        };
        assert!(check(&["https://news.example:8443"]) && check(&["https://News.example:8443"]));
        assert!(!check(&["http://news.example:8443"]), "somebody on the way may have sent it");
        for host in ["localhost", "127.0.0.1", "127.0.0.1:8702", "[::1]:8702", "[::1]", "abc.onion"] {
            let request = TestRequest::default().insert_header(("Host", host));
            let request = request.insert_header(("Origin", format!("http://{host}")));
            assert!(is_same_origin(&request.to_http_request()), "{host}");
        }
        for origins in [
            &["https://news.example"][..],
            &["https://evil.example"],
            &["null"],
            &["news.example:8443"],
            &[""],
            &[],
            &["https://news.example:8443", "https://evil.example"],
        ] {
            assert!(!check(origins), "{origins:?}");
        }
    }
}
