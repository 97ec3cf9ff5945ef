use std::rc::Rc;

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, HeaderName};
use actix_web::{HttpRequest, HttpResponse, web};
use farthing_api::ProblemKind;
use farthing_service::openapi::{
    Answer, AnswerHeader, Operation, Parameter, Resource, SecurityKind, SecurityScheme,
};
use farthing_service::problem::ProblemResponse;
use serde::Deserialize;
use serde_json::json;

use super::{PASS, PASS_COOKIE, admit, as_answer, may_refuse, unpaid};
use crate::answers::{self, PRIVATE};
use crate::forward_auth::Asker;
use crate::gate::Admission;
use crate::page::Page;
use crate::proxy::{ACCESS_HEADER, Access};
use crate::request;
use crate::service::GateService;

/// Who may ask.
const PROXY: SecurityScheme = SecurityScheme {
    name: "proxy-secret",
    description: "What the gate shares with the site's own proxy.",
    kind: SecurityKind::Header("Farthing-Proxy-Secret"),
};
/// What the reader pays with.
const TOKENS: SecurityScheme = SecurityScheme {
    name: "tokens",
    description: "Tokens worth exactly what the page costs: `token=\"...\"` as in RFC 9577, or `tokens=\"...\"` with several, \
                  back to back.",
    kind: SecurityKind::Authorization("PrivateToken"),
};

const ACCESS: AnswerHeader = AnswerHeader {
    name: "Farthing-Access",
    description: "Why the request is let through: `free`, `preview` or `paid`.",
    required: true,
};
const LOCATION: AnswerHeader = AnswerHeader {
    name: "Location",
    description: "Path and query in their canonical spelling.",
    required: true,
};
const CHALLENGE: AnswerHeader = AnswerHeader {
    name: "WWW-Authenticate",
    description: "Along with a preview: how the page can be paid for.",
    required: false,
};

/// The paths at which a proxy asks.
pub(super) fn resources(asker: &Asker) -> [Resource; 2] {
    let asking = Operation::new("ask", "Ask whether a request is let through")
        .described("For a proxy before the site, which sends the reader's Cookie and Authorization along.")
        .parameter(
            Parameter::query("deny", "The status for who must pay: 401 unless said otherwise.")
                .schema(json!({ "enum": [401, 402] })),
        )
        .answers(
            StatusCode::OK,
            Answer::empty("It is let through.").header(ACCESS).header(PASS_COOKIE).header(CHALLENGE),
        )
        .answers(StatusCode::PAYMENT_REQUIRED, unpaid());
    let refusing = Operation::new("denied", "Tell a reader why a request is not let through")
        .described(
            "For a proxy that cannot hand on the words of a refusal: the same question, whose answer goes to the reader and \
             never is yes. If the payment was taken meanwhile, 503 has the pass, and the same request again is let through.",
        )
        .answers(StatusCode::SERVICE_UNAVAILABLE, Answer::default().header(PASS_COOKIE));
    [
        Resource::at("/ask").any(asked(asking, asker), ask),
        Resource::at("/denied").any(asked(refusing, asker), denied),
    ]
}

/// What both have in common.
fn asked(operation: Operation, asker: &Asker) -> Operation {
    let operation = operation
        .secured_by(&[&PROXY])
        .secured_by(&[&PROXY, &PASS])
        .secured_by(&[&PROXY, &TOKENS])
        .parameter(
            Parameter::header(asker.uri_header(), "Path and query of the reader's request.")
                .example("/articles/7"),
        )
        .parameter(
            Parameter::header(asker.host_header(), "The host of the reader's request.")
                .example("news.example"),
        )
        .answers(StatusCode::UNAUTHORIZED, unpaid())
        .answers(
            StatusCode::PERMANENT_REDIRECT,
            Answer::empty("The page has a price and is spelled otherwise; the reader is to ask again.")
                .header(LOCATION),
        )
        .problems(&[ProblemKind::BadRequest, ProblemKind::ProxySecretWrong]);
    may_refuse(operation)
}

/// What the proxy can take.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    /// The status for who must pay: 401, or 402 for proxies that pass it on.
    deny: Option<u16>,
}

impl Parameters {
    fn unpaid(&self) -> Result<StatusCode, ProblemResponse> {
        match self.deny {
            None | Some(401) => Ok(StatusCode::UNAUTHORIZED),
            Some(402) => Ok(StatusCode::PAYMENT_REQUIRED),
            Some(_) => {
                let detail = "write deny=401 or deny=402";
                Err(ProblemResponse::new(ProblemKind::BadRequest, detail).in_field("deny"))
            }
        }
    }
}

/// Whether a request is let through: 200, with a pass if it paid; 401 or 402, with the challenge; or what is wrong with it.
async fn ask(
    service: web::Data<GateService>,
    request: HttpRequest,
    parameters: web::Query<Parameters>,
) -> Result<HttpResponse, ProblemResponse> {
    let (answer, _) = answer(&service, &request, parameters.unpaid()?).await?;
    Ok(answer)
}

/// The same for a proxy that has just been told no, and cannot hand on the words with it (nginx): whatever is answered here
/// goes to the reader. Should the answer be yes by now, the reader is asked to come again, with the pass.
async fn denied(
    service: web::Data<GateService>,
    request: HttpRequest,
) -> Result<HttpResponse, ProblemResponse> {
    let (answer, admitted) = answer(&service, &request, StatusCode::UNAUTHORIZED).await?;
    if !admitted {
        return Ok(answer);
    }
    let detail = "the payment was taken meanwhile; repeat the same request, which costs nothing again";
    let again = ProblemResponse::new(ProblemKind::Unavailable, detail).retry_after(1);
    let mut again = as_answer(Err(again));
    for cookie in answer.headers().get_all("set-cookie") {
        again.headers_mut().append(HeaderName::from_static("set-cookie"), cookie.clone());
    }
    Ok(again)
}

/// The answer, and whether it lets the request through.
async fn answer(
    service: &web::Data<GateService>,
    request: &HttpRequest,
    unpaid: StatusCode,
) -> Result<(HttpResponse, bool), ProblemResponse> {
    let asker = service.asker.as_ref().ok_or_else(|| ProblemResponse::internal(&"nobody may ask"))?;
    let visit = Rc::new(asker.read(request.headers())?);
    let config = service.config.current();
    let admission = admit(service, &config, request, &visit).await?;
    let access = match &admission {
        Admission::Free => Access::Free,
        Admission::Preview { .. } => Access::Preview,
        Admission::Pass | Admission::Paid { .. } => Access::Paid,
        Admission::Respelled { location } => return Ok((answers::respelled(location), false)),
        Admission::Refused { .. } => {
            return request::pay_answer(&Page::new(config.page.clone()), request, unpaid, &visit, &admission)
                .map(|answer| (answer, false));
        }
    };
    let mut answer = HttpResponse::Ok();
    answer.insert_header((ACCESS_HEADER, access.as_str()));
    if access != Access::Free {
        answer.insert_header((CACHE_CONTROL, PRIVATE));
    }
    let mut answer = answer.finish();
    match &admission {
        Admission::Paid { cookie } => answers::give_pass(&mut answer, cookie),
        Admission::Preview { challenge } => answers::challenge(&mut answer, challenge.as_deref()),
        _ => {}
    }
    Ok((answer, true))
}
