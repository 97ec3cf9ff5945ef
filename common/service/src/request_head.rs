//! How large the head of a request may be, in every version of HTTP.
//!
//! actix-web refuses long heads of HTTP/1 while it reads them. Of HTTP/2 it bounds nothing below 16 MiB and offers no setting:
//! there a header that was sent once is repeated by a single byte, so that some kilobytes become megabytes for whoever reads
//! them.

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{COOKIE, HeaderMap};
use actix_web::middleware::Next;
use actix_web::{Error, ResponseError};
use farthing_api::ProblemKind;

use crate::problem::ProblemResponse;

/// Most headers, as many as actix-web takes over HTTP/1.
const MOST: usize = 96;
/// Most bytes of their names and values, as many as actix-web takes of a whole head there.
const LONGEST: usize = 128 * 1024;

/// Refuses a request that has more headers or longer ones, before anything reads them.
pub(crate) async fn bound<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    if let Err(problem) = check(request.headers()) {
        return Ok(request.into_response(problem.error_response()).map_into_right_body());
    }
    Ok(next.call(request).await?.map_into_left_body())
}

fn check(headers: &HeaderMap) -> Result<(), ProblemResponse> {
    // Over HTTP/2 browsers send each cookie as a header of its own (RFC 9113, section 8.2.3): they are one.
    let cookies = headers.get_all(COOKIE).count();
    let is_too_many = headers.len() - cookies.saturating_sub(1) > MOST;
    let mut room = Some(LONGEST);
    for (name, value) in headers {
        room = room.and_then(|room| room.checked_sub(name.as_str().len() + value.len()));
    }
    if !is_too_many && room.is_some() {
        return Ok(());
    }
    let detail = format!("send at most {MOST} headers, and {LONGEST} bytes of their names and values");
    Err(ProblemResponse::new(ProblemKind::HeadersTooLong, detail))
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};

    use super::*;

    fn status(headers: impl IntoIterator<Item = (String, usize)>) -> u16 {
        let mut map = HeaderMap::new();
        for (name, length) in headers {
            let name = HeaderName::try_from(name).unwrap();
            map.append(name, HeaderValue::try_from("a".repeat(length)).unwrap());
        }
        check(&map).map_or_else(|problem| problem.problem().status, |()| 200)
    }

    #[test]
    fn many_headers_and_long_ones_are_refused() {
        let different = |count: usize| (0..count).map(|number| (format!("x-{number}"), 1));
        let repeated = |count: usize, length: usize| (0..count).map(move |_| ("x-again".to_owned(), length));
        assert_eq!([status(different(MOST)), status(different(MOST + 1))], [200, 431]);
        assert_eq!([status(repeated(MOST, 1)), status(repeated(MOST + 1, 1))], [200, 431]);
        let name = "x-again".len();
        assert_eq!(
            [status(repeated(1, LONGEST - name)), status(repeated(1, LONGEST - name + 1))],
            [200, 431]
        );
        assert_eq!([status(repeated(64, 2_048 - name)), status(repeated(65, 2_048 - name))], [200, 431]);
    }

    #[test]
    fn cookies_are_one_header_however_they_come() {
        let cookies = |count: usize| (0..count).map(|_| ("cookie".to_owned(), 20));
        assert_eq!(status(cookies(180)), 200);
        assert_eq!(status(cookies(LONGEST / 26 + 1)), 431, "they have no more bytes than others");
    }
}
