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

/// Whether a request says that it comes from a page of the site that it is for, as browsers say of every POST.
pub fn is_same_origin(request: &HttpRequest) -> bool {
    let mut origins = request.headers().get_all(ORIGIN).map(|value| value.to_str().ok());
    let (Some(Some(origin)), None) = (origins.next(), origins.next()) else { return false };
    let named = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
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
