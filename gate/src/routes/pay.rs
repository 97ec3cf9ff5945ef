use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, HeaderMap, HeaderName};
use actix_web::{HttpRequest, HttpResponse, web};
use farthing_api::{MAX_TOKENS_PER_REDEMPTION, PAID_PATH_HEADER, ProblemKind};
use farthing_protocol::Token;
use farthing_service::body::{media_type, read_body};
use farthing_service::openapi::{Answer, Content, Operation, Parameter, Resource};
use farthing_service::problem::ProblemResponse;
use farthing_service::same_origin::is_same_origin;

use super::{PASS, PASS_COOKIE, admit, may_refuse, unpaid};
use crate::answers::{self, PRIVATE};
use crate::gate::Admission;
use crate::page::Page;
use crate::request;
use crate::service::GateService;
use crate::visit::{Visit, only};

const OCTETS: &str = "application/octet-stream";
const MAX_BODY: usize = MAX_TOKENS_PER_REDEMPTION * Token::LENGTH;

pub(super) fn resource() -> Resource {
    let operation = Operation::new("pay", "Pay for a page")
        .described(
            "Takes any number of tokens, of 162 bytes and back to back, which are worth exactly what the page costs. The \
             same payment again, within some minutes, costs nothing again.",
        )
        .secured_by(&[])
        .secured_by(&[&PASS])
        .parameter(Parameter::header(PAID_PATH_HEADER, "The path and query of the page that is paid for.").example("/articles/7"))
        .parameter(Parameter::header("Origin", "The site's own origin, as browsers send it.").example("https://news.example"))
        .takes_content(Content::bytes(OCTETS))
        .answers(
            StatusCode::NO_CONTENT,
            Answer::empty("The page is open, with the pass that came along or with a new one.").header(PASS_COOKIE),
        )
        .answers(StatusCode::UNAUTHORIZED, unpaid())
        .problems(&[ProblemKind::OriginForeign]);
    Resource::at("/pay").post(may_refuse(operation), pay)
}

/// Takes a payment of any number of tokens for the page that a header names; 204 with the pass.
async fn pay(
    service: web::Data<GateService>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, ProblemResponse> {
    media_type(&request, &[OCTETS])?;
    check_origin(&request)?;
    let path = only(request.headers(), &HeaderName::from_static(PAID_PATH)).ok_or_else(|| {
        let detail = "say once which page is paid for, by its path and query";
        ProblemResponse::new(ProblemKind::BadRequest, detail).in_field(PAID_PATH_HEADER)
    })?;
    // The passes count that came along; the payment is in the body alone.
    let mut headers = HeaderMap::new();
    for cookie in request.headers().get_all("cookie") {
        headers.append(HeaderName::from_static("cookie"), cookie.clone());
    }
    let mut visit = Visit::read(request::host(&request)?, path, &headers)?;
    let body = read_body(&request, payload, MAX_BODY).await?;
    let tokens = Token::decode_all(&body).map_err(|error| {
        let detail = format!("{error}; nothing was spent; send tokens of 162 bytes, back to back");
        ProblemResponse::new(ProblemKind::PaymentMalformed, detail).in_field("body")
    })?;
    if tokens.is_empty() {
        let detail = "there are no tokens; send some of 162 bytes, back to back";
        return Err(ProblemResponse::new(ProblemKind::PaymentMalformed, detail).in_field("body"));
    }
    visit.payment = Some(tokens);
    let config = service.config.current();
    let admission = admit(&service, &config, &request, &visit).await?;
    match &admission {
        Admission::Refused { .. } => request::pay_answer(
            &Page::new(config.page.clone()),
            &request,
            StatusCode::UNAUTHORIZED,
            &visit,
            &admission,
        ),
        admitted => {
            let mut answer = HttpResponse::NoContent().insert_header((CACHE_CONTROL, PRIVATE)).finish();
            if let Admission::Paid { cookie } = admitted {
                answers::give_pass(&mut answer, cookie);
            }
            Ok(answer)
        }
    }
}

/// [`PAID_PATH_HEADER`] as header maps have it.
const PAID_PATH: &str = "farthing-path";

/// Browsers say from which site's page a request comes. Only the site's own pages may pay here, with what they hold.
fn check_origin(request: &HttpRequest) -> Result<(), ProblemResponse> {
    if is_same_origin(request) {
        return Ok(());
    }
    let detail = "send the header `Origin` with this site's own origin; only its own pages pay here";
    Err(ProblemResponse::new(ProblemKind::OriginForeign, detail).in_field("Origin"))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn the_names_are_one() {
        assert_eq!(PAID_PATH, PAID_PATH_HEADER.to_ascii_lowercase());
    }

    #[test]
    fn only_the_sites_own_pages_pay() {
        let request = TestRequest::default().insert_header(("Host", "news.example"));
        let foreign = request.insert_header(("Origin", "https://evil.example")).to_http_request();
        assert_eq!(check_origin(&foreign).unwrap_err().problem().status, 403);
        let own = TestRequest::default().insert_header(("Host", "news.example"));
        check_origin(&own.insert_header(("Origin", "https://news.example")).to_http_request()).unwrap();
    }
}
