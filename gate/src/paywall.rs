//! The gate within a site that is written with actix-web.

use std::rc::Rc;
use std::sync::Arc;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform, forward_ready};
use actix_web::error::InternalError;
use actix_web::http::StatusCode;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::{Error, HttpMessage, HttpResponse, ResponseError};
use farthing_service::problem::ProblemResponse;
use futures_util::future::{LocalBoxFuture, Ready, ready};

use crate::answers::{self, PRIVATE};
use crate::gate::{Admission, Gate};
use crate::page::{Page, PageConfig};
use crate::pass::Scope;
use crate::prices::{Asked, Price};
use crate::request;
use crate::visit::Visit;

/// A middleware that gives a scope its price: `web::scope("/articles").wrap(Paywall::new(gate, price))`.
///
/// Each page of the scope is paid for by itself, with a header of at most 30 tokens: readers are asked for tokens that are
/// worth a thirtieth of the price or more. Handlers behind it are called for who
/// has paid, or for everybody if the price allows a preview: [`HasPaid`] in the request's extensions tells.
#[derive(Clone)]
pub struct Paywall {
    gate: Arc<Gate>,
    price: Arc<Price>,
    page: Arc<Page>,
}

/// In the extensions of a request that a [`Paywall`] has let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HasPaid(pub bool);

impl Paywall {
    /// Pages that cost `price`. Its path and host are of no account: what the middleware wraps is what is priced.
    pub fn new(gate: Arc<Gate>, price: Price) -> Self {
        Self {
            gate,
            price: Arc::new(price),
            page: Arc::new(Page::new(PageConfig::default()).without_posts()),
        }
    }

    /// Asks readers in the publisher's name and colours.
    #[must_use]
    pub fn with_page(self, config: PageConfig) -> Self {
        Self { page: Arc::new(Page::new(config).without_posts()), ..self }
    }

    /// Lets a request in, or answers it.
    async fn admit(&self, request: &ServiceRequest) -> Result<Admission, HttpResponse> {
        let http = request.request();
        let refused = |problem: ProblemResponse| problem.error_response();
        let host = request::host(http).map_err(refused)?;
        let sent = http.uri().path_and_query().map_or("/", |sent| sent.as_str());
        let visit =
            Visit::read(host.clone(), sent, http.headers()).map_err(|problem| refused(problem.into()))?;
        if let Some(location) = visit.respelled() {
            // The route was found for the path as it was sent, so only the one spelling may be paid for.
            return Err(answers::respelled(&location));
        }
        let scope = Scope { host: host.clone(), path: visit.path.trimmed().to_owned(), below: false };
        let asked = Asked::Price(&self.price, scope);
        let admission = self.gate.admit(&visit, asked).await;
        let admission = admission.map_err(|error| refused(answers::undecided(&error)))?;
        if matches!(admission, Admission::Refused { .. }) {
            let answer = request::pay_answer(&self.page, http, StatusCode::UNAUTHORIZED, &visit, &admission);
            return Err(answer.unwrap_or_else(refused));
        }
        Ok(admission)
    }
}

impl std::fmt::Debug for Paywall {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Paywall").field("price", &self.price).finish_non_exhaustive()
    }
}

impl<S, B> Transform<S, ServiceRequest> for Paywall
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<BoxBody>;
    type Error = Error;
    type Transform = PaywallService<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(PaywallService { paywall: self.clone(), service: Rc::new(service) }))
    }
}

/// What [`Paywall`] makes of a service.
pub struct PaywallService<S> {
    paywall: Paywall,
    service: Rc<S>,
}

impl<S, B> Service<ServiceRequest> for PaywallService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<BoxBody>;
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Self::Response, Error>>;

    forward_ready!(service);

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let (paywall, service) = (self.paywall.clone(), Rc::clone(&self.service));
        Box::pin(async move {
            let admission = match paywall.admit(&request).await {
                Ok(admission) => admission,
                Err(answer) => return Ok(request.into_response(answer)),
            };
            let paid = matches!(admission, Admission::Pass | Admission::Paid { .. });
            request.extensions_mut().insert(HasPaid(paid));
            // Whoever has paid gets the pass, whatever becomes of the page.
            match service.call(request).await {
                Ok(response) => {
                    let mut response = response.map_into_boxed_body();
                    finish(response.response_mut(), &admission);
                    Ok(response)
                }
                Err(error) => {
                    let mut answer = error.error_response();
                    finish(&mut answer, &admission);
                    Err(InternalError::from_response(error, answer).into())
                }
            }
        })
    }
}

/// Adds what the gate has to say to the site's answer.
fn finish(answer: &mut HttpResponse, admission: &Admission) {
    answer.headers_mut().insert(CACHE_CONTROL, PRIVATE);
    match admission {
        Admission::Paid { cookie } => answers::give_pass(answer, cookie),
        Admission::Preview { challenge } => answers::challenge(answer, challenge.as_deref()),
        _ => {}
    }
}
