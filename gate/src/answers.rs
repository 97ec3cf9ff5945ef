//! What the gate itself answers.

use actix_web::HttpResponse;
use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::http::header::{
    ACCEPT, CACHE_CONTROL, HeaderMap, HeaderName, HeaderValue, LOCATION, SET_COOKIE, WWW_AUTHENTICATE,
};
use farthing_api::PROBLEM_MEDIA_TYPE;
use farthing_service::problem::ProblemResponse;

use crate::gate::Undecided;
use crate::page::{Offer, Page};
use crate::payment::Refusal;
use crate::proxy::{ACCESS_HEADER, Access};

/// What is paid for, or says what is to be paid, is nobody else's and is not kept.
pub(crate) const PRIVATE: HeaderValue = HeaderValue::from_static("private, no-store");

/// Seconds after which a request that could not be decided is repeated.
const RETRY_AFTER: u64 = 2;

/// The answer that asks for a payment: a page for browsers, a problem for everybody else. The status is that of
/// `unpaid`, 401 or 402.
pub(crate) fn pay(
    headers: &HeaderMap,
    unpaid: StatusCode,
    refusal: Refusal,
    page: &Page,
    offer: &Offer<'_>,
) -> Result<HttpResponse, ProblemResponse> {
    let mut answer = HttpResponse::build(unpaid);
    let challenge =
        HeaderValue::from_str(offer.challenge).map_err(|error| ProblemResponse::internal(&error))?;
    answer.insert_header((WWW_AUTHENTICATE, challenge)).insert_header((CACHE_CONTROL, PRIVATE));
    if wants_html(headers) {
        let rendered =
            page.render(headers, refusal, offer).map_err(|error| ProblemResponse::internal(&error))?;
        answer.insert_header(("Content-Security-Policy", rendered.policy));
        // With less, browsers send no `Origin` with the form.
        answer.insert_header(("Referrer-Policy", "same-origin"));
        return Ok(answer.content_type("text/html; charset=utf-8").body(rendered.html));
    }
    let mut problem = refusal.problem();
    problem.status = unpaid.as_u16();
    Ok(answer.insert_header(("Content-Type", PROBLEM_MEDIA_TYPE)).json(problem))
}

/// The answer when nothing can be said: 503.
pub(crate) fn undecided(cause: &Undecided) -> ProblemResponse {
    ProblemResponse::unavailable(cause).retry_after(RETRY_AFTER)
}

/// Gives the reader a pass along with an answer.
pub(crate) fn give_pass(answer: &mut HttpResponse<BoxBody>, cookie: &str) {
    // A cookie of ours is visible ASCII, so it always is a header.
    if let Ok(value) = HeaderValue::from_str(cookie) {
        answer.headers_mut().append(SET_COOKIE, value);
    }
}

/// Sends a reader to the one spelling of a page.
pub(crate) fn respelled(location: &str) -> HttpResponse<BoxBody> {
    HttpResponse::PermanentRedirect()
        .insert_header((LOCATION, location))
        .insert_header((CACHE_CONTROL, PRIVATE))
        .finish()
}

/// Tells who showed tokens for a page that costs nothing that they were not looked at: a price may end while they are on
/// their way.
pub(crate) fn not_taken(answer: &mut HttpResponse<BoxBody>) {
    let name = HeaderName::from_static(ACCESS_HEADER);
    answer.headers_mut().insert(name, HeaderValue::from_static(Access::Free.as_str()));
}

/// Tells along with a preview how the page can be paid for.
pub(crate) fn challenge(answer: &mut HttpResponse<BoxBody>, challenge: Option<&str>) {
    if let Some(value) = challenge.and_then(|challenge| HeaderValue::from_str(challenge).ok()) {
        answer.headers_mut().append(WWW_AUTHENTICATE, value);
    }
}

/// Whether the client says that it takes HTML: browsers do, programs say `*/*` or nothing.
pub(crate) fn wants_html(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(ACCEPT).filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).any(|range| {
        let mut parts = range.split(';').map(str::trim);
        let is_html = parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("text/html"));
        let refused = parts.any(|part| matches!(part, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"));
        is_html && !refused
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_get_html() {
        for (accept, html) in [
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", true),
            ("application/json, Text/HTML;q=0.1", true),
            ("*/*", false),
            ("application/json", false),
            ("text/html;q=0, */*", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, HeaderValue::from_static(accept));
            assert_eq!(wants_html(&headers), html, "{accept}");
        }
        assert!(!wants_html(&HeaderMap::new()));
    }
}
