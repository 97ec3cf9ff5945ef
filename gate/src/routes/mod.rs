//! What the gate answers: its own paths, one file each, and the site behind it.

mod ask;
mod pay;
mod site;

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::http::header::HeaderMap;
use actix_web::{HttpRequest, HttpResponse, ResponseError, web};
use farthing_api::{Problem, ProblemKind};
use farthing_service::health::{self, Readiness};
use farthing_service::problem::ProblemResponse;

use crate::answers;
use crate::config::Config;
use crate::gate::Admission;
use crate::host::Host;
use crate::page::{Offer, Page};
use crate::prices::Asked;
use crate::proxy::Upstream;
use crate::service::GateService;
use crate::visit::Visit;

/// Below this everything is the gate's own, and nothing is the site's.
const OWN: &str = "/.well-known/farthing";

/// Adds every route; cloned for each worker thread.
pub fn of(service: &Arc<GateService>) -> impl Fn(&mut web::ServiceConfig) + Clone + Send + 'static {
    let service = Arc::clone(service);
    move |routes| {
        let readiness: Arc<dyn Readiness> = service.clone();
        routes.app_data(web::Data::from(Arc::clone(&service)));
        routes.service(
            web::scope(OWN)
                .configure(|routes| health::configure(routes, readiness))
                .configure(pay::configure)
                .configure(|routes| ask::configure(routes, service.asker.is_some())),
        );
        // Each thread keeps connections of its own to the site. What would hinder them was said at the start.
        let upstream = service.config.current().upstream.as_ref().map(Upstream::new);
        if let Some(Ok(upstream)) = upstream {
            routes.app_data(web::Data::new(upstream)).default_service(web::to(site::pass));
        }
    }
}

/// Lets a visit in or not, by the prices in force, counting payments.
async fn admit(
    service: &GateService,
    config: &Config,
    request: &HttpRequest,
    visit: &Visit,
) -> Result<Admission, ProblemResponse> {
    if !config.knows(&visit.host) {
        let detail =
            "this gate does not stand before a site of this name; its publisher lists each in `hosts`";
        return Err(ProblemResponse::new(ProblemKind::HostUnknown, detail).in_field("Host"));
    }
    let asked = config.prices.asked(&visit.host, &visit.path);
    if visit.payment.is_some() && matches!(asked, Asked::Price(..)) {
        let peer = request.peer_addr().map(|peer| peer.ip());
        service.limits.payments.check(peer, request.headers())?;
    }
    service.gate.admit(visit, asked).await.map_err(|error| answers::undecided(&error))
}

/// The answer to who must pay.
fn pay_answer(
    config: &Config,
    request: &HttpRequest,
    unpaid: StatusCode,
    visit: &Visit,
    refused: &Admission,
) -> Result<HttpResponse, ProblemResponse> {
    let Admission::Refused { refusal, due, opens_for, challenge } = refused else {
        return Err(ProblemResponse::internal(&"somebody who was let in is asked to pay"));
    };
    let path = visit.path_and_query();
    let url = format!("{}://{}{path}", scheme(request, &visit.host), shown_authority(request, &visit.host));
    let offer = Offer { url, path, due: *due, opens_for: *opens_for, challenge };
    answers::pay(request.headers(), unpaid, *refusal, &Page::new(config.page.clone()), &offer)
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
fn authority(request: &HttpRequest) -> Result<&str, ProblemResponse> {
    let named = request.uri().authority().map(actix_web::http::uri::Authority::as_str);
    let mut hosts = request.headers().get_all("host").map(|value| value.to_str().ok());
    let host = match (hosts.next(), hosts.next()) {
        (None, _) => None,
        (Some(Some(host)), None) => Some(host),
        _ => return Err(no_host()),
    };
    match (named, host) {
        (Some(named), Some(host)) if named.eq_ignore_ascii_case(host) => Ok(named),
        (Some(one), None) | (None, Some(one)) => Ok(one),
        _ => Err(no_host()),
    }
}

fn host(request: &HttpRequest) -> Result<Host, ProblemResponse> {
    Host::of_authority(authority(request)?).map_err(|_| no_host())
}

fn no_host() -> ProblemResponse {
    let detail =
        "send one header `Host` with the site's name, the same as in the request's URL if that has one";
    ProblemResponse::new(ProblemKind::BadRequest, detail).in_field("Host")
}

/// A problem of the request, answered so that nobody keeps it.
fn refusal(problem: Problem) -> ProblemResponse {
    problem.into()
}

/// A problem as an answer that a pass can be added to.
fn as_answer(result: Result<HttpResponse, ProblemResponse>) -> HttpResponse {
    result.unwrap_or_else(|problem| problem.error_response())
}

/// Reads what a request for the site itself says.
fn visit(host: Host, path_and_query: &str, headers: &HeaderMap) -> Result<Visit, ProblemResponse> {
    Visit::read(host, path_and_query, headers).map_err(refusal)
}
