use std::rc::Rc;

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, HeaderMap, HeaderName, LOCATION};
use actix_web::{HttpRequest, HttpResponse, web};
use farthing_api::{MAX_TOKENS_PER_REDEMPTION, PAID_PATH_HEADER, ProblemKind};
use farthing_protocol::Token;
use farthing_service::body::{media_type, read_body};
use farthing_service::openapi::{Answer, AnswerHeader, Content, Operation, Parameter, Resource};
use farthing_service::problem::ProblemResponse;
use farthing_service::same_origin::is_same_origin;

use super::{PASS, PASS_COOKIE, admit, may_refuse, unpaid};
use crate::answers::{self, PRIVATE};
use crate::gate::Admission;
use crate::page::Page;
use crate::pasted_payment::PastedPayment;
use crate::payment::Refusal;
use crate::request;
use crate::service::GateService;
use crate::visit::{Visit, only};

const OCTETS: &str = "application/octet-stream";
const PAGE: AnswerHeader =
    AnswerHeader { name: "Location", description: "Path and query of the page.", required: true };
const ACCESS: AnswerHeader = AnswerHeader {
    name: "Farthing-Access",
    description: "`free` if nothing was due, and the tokens were not looked at.",
    required: false,
};
const MAX_BODY: usize = MAX_TOKENS_PER_REDEMPTION * Token::LENGTH;

pub(super) fn resource() -> Resource {
    let operation = Operation::new("pay", "Pay for a page")
        .described(
            "Takes any number of tokens, of 162 bytes and back to back, which are worth exactly what the page costs. The \
             same payment again, within some minutes, costs nothing again. Or the form of the gate's page: `path` in the \
             place of the header, and `tokens` in base64url. A pass for the page that comes along is enough, and the tokens \
             are not looked at; but browsers send a pass to its page alone, and not here.",
        )
        .secured_by(&[])
        .secured_by(&[&PASS])
        .parameter(
            Parameter::header(
                PAID_PATH_HEADER,
                "The path and query of the page that is paid for. It must be there, but for the form.",
            )
            .optional()
            .example("/articles/7"),
        )
        .parameter(Parameter::header("Origin", "The site's own origin, as browsers send it.").example("https://news.example"))
        .takes_content(Content::bytes(OCTETS))
        .takes_content(Content::form_of(PastedPayment::schema()))
        .answers(
            StatusCode::NO_CONTENT,
            Answer::empty("The page is open, with the pass that came along or with a new one.")
                .header(PASS_COOKIE)
                .header(ACCESS),
        )
        .answers(
            StatusCode::SEE_OTHER,
            Answer::empty("The same to a browser, which goes back to the page.").header(PASS_COOKIE).header(PAGE),
        )
        .answers(StatusCode::UNAUTHORIZED, unpaid())
        .problems(&[ProblemKind::OriginForeign]);
    Resource::at("/pay").post(may_refuse(operation), pay)
}

/// What was sent.
struct Sent {
    path: String,
    /// Empty where what was pasted into the form are none.
    tokens: Vec<Token>,
    /// By the form of the gate's page, whose reader is to see a page again.
    by_form: bool,
}

/// Takes a payment of any number of tokens for the page that a header or the form names: 204 with the pass to a program, and
/// a browser goes back to the page.
async fn pay(
    service: web::Data<GateService>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, ProblemResponse> {
    let sent = read(&request, payload).await?;
    // A pass counts that came along, as from programs; browsers send it to the page that it is for, and not here: the gate's own
    // page looks there first. The payment is in the body alone.
    let mut headers = HeaderMap::new();
    for cookie in request.headers().get_all("cookie") {
        headers.append(HeaderName::from_static("cookie"), cookie.clone());
    }
    let mut visit = Visit::read(request::host(&request)?, &sent.path, &headers)?;
    visit.payment = Some(sent.tokens.into());
    let visit = Rc::new(visit);
    let config = service.config.current();
    let admission = admit(&service, &config, &request, &visit).await?;
    if matches!(admission, Admission::Refused { .. }) {
        let page = Page::new(config.page.clone());
        return request::pay_answer(&page, &request, StatusCode::UNAUTHORIZED, &visit, &admission);
    }
    let mut answer = if sent.by_form {
        HttpResponse::SeeOther().insert_header((LOCATION, visit.path_and_query())).finish()
    } else {
        HttpResponse::NoContent().finish()
    };
    answer.headers_mut().insert(CACHE_CONTROL, PRIVATE);
    match &admission {
        // Without this, an answer that lost its pass on the way would look the same.
        Admission::Free => answers::not_taken(&mut answer),
        Admission::Paid { cookie } => answers::give_pass(&mut answer, cookie),
        _ => {}
    }
    Ok(answer)
}

async fn read(request: &HttpRequest, payload: web::Payload) -> Result<Sent, ProblemResponse> {
    let media_type = media_type(request, &[OCTETS, PastedPayment::MEDIA_TYPE])?;
    check_origin(request)?;
    if media_type == PastedPayment::MEDIA_TYPE {
        let body = read_body(request, payload, PastedPayment::MAX_LENGTH).await?;
        let PastedPayment { path, tokens } = PastedPayment::read(&body).ok_or_else(|| {
            let detail = "this is not the form of the gate's page; send its fields `path` and `tokens`";
            ProblemResponse::new(ProblemKind::BadRequest, detail).in_field("body")
        })?;
        // A person sees it in the page, which takes the tokens again.
        if tokens.is_empty() && !answers::wants_html(request.headers()) {
            return Err(Refusal::Unreadable.problem().in_field("tokens").into());
        }
        return Ok(Sent { path, tokens, by_form: true });
    }
    let path = only(request.headers(), &HeaderName::from_static(PAID_PATH)).ok_or_else(|| {
        let detail = "say once which page is paid for, by its path and query";
        ProblemResponse::new(ProblemKind::BadRequest, detail).in_field(PAID_PATH_HEADER)
    })?;
    let body = read_body(request, payload, MAX_BODY).await?;
    let tokens = Token::decode_all(&body).map_err(|error| {
        let detail = format!("{error}; nothing was spent; send tokens of 162 bytes, back to back");
        ProblemResponse::new(ProblemKind::PaymentMalformed, detail).in_field("body")
    })?;
    if tokens.is_empty() {
        let detail = "there are no tokens; send some of 162 bytes, back to back";
        return Err(ProblemResponse::new(ProblemKind::PaymentMalformed, detail).in_field("body"));
    }
    Ok(Sent { path: path.to_owned(), tokens, by_form: false })
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
