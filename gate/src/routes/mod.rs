//! What the gate answers: its own paths, one file each, and the site behind it.

mod ask;
mod pay;
mod site;

use std::rc::Rc;
use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, ResponseError, rt, web};
use farthing_api::ProblemKind;
use farthing_service::health::{self, Readiness};
use farthing_service::openapi::{
    Answer, AnswerHeader, Api, Content, Operation, SecurityKind, SecurityScheme,
};
use farthing_service::problem::ProblemResponse;

use crate::answers;
use crate::config::Config;
use crate::gate::Admission;
use crate::limits::Attempt;
use crate::pass;
use crate::payment::Refusal;
use crate::prices::Asked;
use crate::proxy::Upstream;
use crate::service::GateService;
use crate::visit::Visit;

/// Below this everything is the gate's own, and nothing is the site's.
const OWN: &str = "/.well-known/farthing";

const TITLE: &str = "Farthing gate";
const DESCRIPTION: &str = "Stands before a publisher's site, and asks readers for tokens. This document is about the gate's \
                           own paths; every other path is the site's: its answer is passed on to who has paid, and all \
                           others are asked to pay, as RFC 9577 has it. Every error is a problem document (RFC 9457), whose \
                           `type` says which.";

/// Who has paid before.
const PASS: SecurityScheme = SecurityScheme {
    name: "pass",
    description: "What a payment was answered with.",
    kind: SecurityKind::Cookie(pass::COOKIE),
};
const PASS_COOKIE: AnswerHeader =
    AnswerHeader { name: "Set-Cookie", description: "The pass, if the request paid.", required: false };

/// Every route.
pub fn of(service: &Arc<GateService>) -> Api {
    let readiness: Arc<dyn Readiness> = service.clone();
    let asked = service.asker.iter().flat_map(ask::resources);
    let site = Arc::clone(service);
    Api::new(TITLE, DESCRIPTION)
        .below(OWN)
        .data(Arc::clone(service))
        .with(health::resources(readiness))
        .with([pay::resource()])
        .with(asked)
        .elsewhere(move || {
            // Each thread keeps connections of its own to the site. What would hinder them was said at the start.
            let upstream = site.config.current().upstream.as_ref().map(Upstream::new)?.ok()?;
            Some(site::route(upstream))
        })
}

/// An operation that calls [`admit`], with what may hinder it.
fn may_refuse(operation: Operation) -> Operation {
    operation.problems(&[
        ProblemKind::BadRequest,
        ProblemKind::AmbiguousPath,
        ProblemKind::PaymentMalformed,
        ProblemKind::HostUnknown,
        ProblemKind::TooManyRequests,
        ProblemKind::Unavailable,
    ])
}

/// The answer to who must pay.
fn unpaid() -> Answer {
    Answer::problems(&[
        ProblemKind::PaymentRequired,
        ProblemKind::PaymentAmount,
        ProblemKind::TokenSpent,
        ProblemKind::TokenExpired,
        ProblemKind::TokenRevoked,
        ProblemKind::TokenKeyUnknown,
        ProblemKind::TokenInvalid,
    ])
    .or(Content::text("text/html"))
    .header(CHALLENGE)
}

/// How a page can be paid for, as who must pay is told.
const CHALLENGE: AnswerHeader = AnswerHeader {
    name: "WWW-Authenticate",
    description: "The challenge of RFC 9577, with `price-micros` and `currency` beside it.",
    required: true,
};

/// Lets a visit in or not, by the prices in force, counting payments.
async fn admit(
    service: &web::Data<GateService>,
    config: &Arc<Config>,
    request: &HttpRequest,
    visit: &Rc<Visit>,
) -> Result<Admission, ProblemResponse> {
    if !config.knows(&visit.host) {
        let detail =
            "this gate does not stand before a site of this name; its publisher lists each in `hosts`";
        return Err(ProblemResponse::new(ProblemKind::HostUnknown, detail).in_field("Host"));
    }
    let asked = config.prices.asked(&visit.host, &visit.path);
    let tokens =
        visit.payment.as_ref().filter(|_| matches!(asked, Asked::Price(..))).map_or(0, |tokens| tokens.len());
    if tokens == 0 {
        return service.gate.admit(visit, asked).await.map_err(|error| answers::undecided(&error));
    }
    let by_proxy = service.asker.as_ref().is_some_and(|asker| asker.is_shown_secret(request.headers()));
    let payer = service.limits.payer(request.peer_addr().map(|peer| peer.ip()), request.headers(), by_proxy);
    let tokens = u32::try_from(tokens).unwrap_or(u32::MAX);
    let begun = service.limits.begin(payer, tokens)?;
    // Who goes away before the answer is counted by it all the same.
    let (service, config, visit) = (service.clone(), Arc::clone(config), Rc::clone(visit));
    let admitted = rt::spawn(async move {
        let admission = service.gate.admit(&visit, config.prices.asked(&visit.host, &visit.path)).await;
        let is_forged = matches!(&admission, Ok(Admission::Refused { refusal: Refusal::Invalid, .. }));
        begun.known(if is_forged { Attempt::Forged } else { Attempt::Fair });
        admission
    });
    let admission = admitted.await.map_err(|error| ProblemResponse::internal(&error))?;
    admission.map_err(|error| answers::undecided(&error))
}

/// A problem as an answer that a pass can be added to.
fn as_answer(result: Result<HttpResponse, ProblemResponse>) -> HttpResponse {
    result.unwrap_or_else(|problem| problem.error_response())
}
