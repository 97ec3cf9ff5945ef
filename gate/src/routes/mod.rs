//! What the gate answers: its own paths, one file each, and the site behind it.

mod ask;
mod pay;
mod site;

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, ResponseError, web};
use farthing_api::ProblemKind;
use farthing_service::health::{self, Readiness};
use farthing_service::problem::ProblemResponse;

use crate::answers;
use crate::config::Config;
use crate::gate::Admission;
use crate::payment::Refusal;
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
    let tokens = visit.payment.as_ref().filter(|_| matches!(asked, Asked::Price(..))).map_or(0, Vec::len);
    let Some(beyond_one) = u32::try_from(tokens).unwrap_or(u32::MAX).checked_sub(1) else {
        return service.gate.admit(visit, asked).await.map_err(|error| answers::undecided(&error));
    };
    // The redeemer counts forged tokens, not payments with them: until it has said that they are none, each counts.
    let (limiter, peer) = (&service.limits.payments, request.peer_addr().map(|peer| peer.ip()));
    limiter.check_weighing(peer, request.headers(), beyond_one + 1)?;
    let admission = service.gate.admit(visit, asked).await;
    if !matches!(admission, Ok(Admission::Refused { refusal: Refusal::Invalid, .. })) {
        limiter.take_back(peer, request.headers(), beyond_one);
    }
    admission.map_err(|error| answers::undecided(&error))
}

/// A problem as an answer that a pass can be added to.
fn as_answer(result: Result<HttpResponse, ProblemResponse>) -> HttpResponse {
    result.unwrap_or_else(|problem| problem.error_response())
}
