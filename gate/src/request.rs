//! What an HTTP request says of the site that it is for, and the answer to who must pay.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use farthing_api::ProblemKind;
use farthing_service::problem::ProblemResponse;
use farthing_service::same_origin;

use crate::answers;
use crate::gate::Admission;
use crate::host::Host;
use crate::page::{Offer, Page};
use crate::visit::Visit;

/// The answer to who must pay.
pub(crate) fn pay_answer(
    page: &Page,
    request: &HttpRequest,
    unpaid: StatusCode,
    visit: &Visit,
    refused: &Admission,
) -> Result<HttpResponse, ProblemResponse> {
    let Admission::Refused { refusal, due, opens_for, has_preview, challenge } = refused else {
        return Err(ProblemResponse::internal(&"somebody who was let in is asked to pay"));
    };
    let path = visit.path_and_query();
    let url = format!("{}://{}{path}", scheme(request, &visit.host), shown_authority(request, &visit.host));
    let (host, due, opens_for, has_preview) = (visit.host.as_str(), *due, *opens_for, *has_preview);
    let offer = Offer { host, url, path, due, opens_for, has_preview, challenge };
    answers::pay(request.headers(), unpaid, *refusal, page, &offer)
}

/// What readers type before a page's host: https, except where nobody could listen in.
fn scheme(request: &HttpRequest, host: &Host) -> &'static str {
    let plain = !request.app_config().secure() && host.is_safe_without_tls();
    if plain { "http" } else { "https" }
}

/// The host that readers type, with its port if this very request was sent to it.
fn shown_authority(request: &HttpRequest, host: &Host) -> String {
    let authority =
        authority(request).ok().filter(|authority| Host::of_authority(authority).as_ref() == Ok(host));
    authority.unwrap_or(host.as_str()).to_owned()
}

/// The authority that a request is for: the one of its URL, or else its one header `Host`.
///
/// # Errors
/// There is none, or there are two.
pub(crate) fn authority(request: &HttpRequest) -> Result<&str, ProblemResponse> {
    same_origin::authority(request).ok_or_else(no_host)
}

/// The site that a request is for.
///
/// # Errors
/// The request names none, or two.
pub(crate) fn host(request: &HttpRequest) -> Result<Host, ProblemResponse> {
    Host::of_authority(authority(request)?).map_err(|_| no_host())
}

fn no_host() -> ProblemResponse {
    let detail =
        "send one header `Host` with the site's name, the same as in the request's URL if that has one";
    ProblemResponse::new(ProblemKind::BadRequest, detail).in_field("Host")
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    #[test]
    fn a_request_is_for_one_site() {
        let host = |uri: &str, hosts: &[&str]| {
            let request = hosts
                .iter()
                .fold(TestRequest::with_uri(uri), |request, host| request.append_header(("Host", *host)));
            super::host(&request.to_http_request()).map(|host| host.to_string()).ok()
        };
        assert_eq!(host("/a", &["News.example:8443"]).as_deref(), Some("news.example"));
        assert_eq!(host("http://news.example/a", &[]).as_deref(), Some("news.example"));
        assert_eq!(host("http://news.example/a", &["NEWS.example"]).as_deref(), Some("news.example"));
        for (uri, hosts) in [
            ("/a", &[][..]),
            ("/a", &["a.example", "a.example"]),
            ("http://news.example/a", &["other.example"]),
            ("/a", &["u@a.example"]),
            ("/a", &[""]),
        ] {
            assert_eq!(host(uri, hosts), None, "{uri} {hosts:?}");
        }
    }
}
