use std::rc::Rc;

use actix_web::http::header::CACHE_CONTROL;
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse, Route, web};
use farthing_api::ProblemKind;
use farthing_service::problem::ProblemResponse;

use super::{OWN, admit, as_answer};
use crate::answers::{self, PRIVATE};
use crate::gate::Admission;
use crate::page::Page;
use crate::proxy::{Access, Seen, Upstream};
use crate::request;
use crate::service::GateService;
use crate::visit::Visit;

/// The route of every path that is not the gate's own.
pub(super) fn route(upstream: Upstream) -> Route {
    let upstream = web::Data::new(upstream);
    web::to(move |service, request, payload| pass(service, upstream.clone(), request, payload))
}

/// Passed on to the site, for who is let in.
async fn pass(
    service: web::Data<GateService>,
    upstream: web::Data<Upstream>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, ProblemResponse> {
    // CONNECT names no page, and TRACE would show tokens and passes.
    if [Method::CONNECT, Method::TRACE].contains(request.method()) {
        let detail = "this method is not passed on to the site";
        return Err(ProblemResponse::new(ProblemKind::MethodNotAllowed, detail));
    }
    let path_and_query = request.uri().path_and_query().map_or("/", |sent| sent.as_str());
    let visit = Rc::new(Visit::read(request::host(&request)?, path_and_query, request.headers())?);
    // In another spelling, or with capitals: it is nobody's business to find out what a site makes of it.
    if visit.path.as_str().get(..OWN.len()).is_some_and(|start| start.eq_ignore_ascii_case(OWN)) {
        let detail = "the gate has no such path";
        return Err(ProblemResponse::new(ProblemKind::NotFound, detail));
    }
    let config = service.config.current();
    let admission = admit(&service, &config, &request, &visit).await?;
    let access = match &admission {
        Admission::Free => Access::Free,
        Admission::Preview { .. } => Access::Preview,
        Admission::Pass | Admission::Paid { .. } => Access::Paid,
        Admission::Respelled { location } => return Ok(answers::respelled(location)),
        Admission::Refused { .. } => {
            return request::pay_answer(
                &Page::new(config.page.clone()),
                &request,
                StatusCode::UNAUTHORIZED,
                &visit,
                &admission,
            );
        }
    };
    let seen = Seen::of(&request, request::authority(&request)?, &config.limits.trusted_proxies);
    let passed = upstream.pass_on(&request, payload, &visit.path_and_query(), &seen, access).await;
    // Whoever has paid gets the pass, whatever the site says: it need not be paid again.
    let mut answer = as_answer(passed);
    if access != Access::Free {
        answer.headers_mut().insert(CACHE_CONTROL, PRIVATE);
    }
    match &admission {
        Admission::Free if visit.payment.is_some() => answers::not_taken(&mut answer),
        Admission::Paid { cookie } => answers::give_pass(&mut answer, cookie),
        Admission::Preview { challenge } => answers::challenge(&mut answer, challenge.as_deref()),
        _ => {}
    }
    Ok(answer)
}
