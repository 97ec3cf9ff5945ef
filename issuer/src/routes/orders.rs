use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use farthing_api::{NewOrder, OrderView, ProblemKind};
use farthing_protocol::Day;
use farthing_service::body::JsonBody;
use farthing_service::openapi::{Answer, Link, Operation, Resource};
use farthing_service::problem::ProblemResponse;

use super::{CLAIM, claim};
use crate::config::Config;
use crate::orders::{Claim, Method, Order, OrderId, Progress};
use crate::service::Issuer;
use crate::store::Created;

/// When a client may try again to make an order after there were too many.
const RETRY_ORDER_SECONDS: u64 = 600;

pub(super) fn resources() -> [Resource; 2] {
    let paying = Link { operation: "pay-by-voucher", parameter: "id", value: "$response.body#/id" };
    let creating = Operation::new("create-order", "Order a pack")
        .described(
            "Whoever shows the secret of the claim owns the order. The same claim and pack again get the same order, so \
             that a lost answer costs nothing.",
        )
        .takes::<NewOrder>()
        .answers(StatusCode::CREATED, Answer::json::<OrderView>("A new order.").link(paying))
        .answers(StatusCode::OK, Answer::json::<OrderView>("The order that the claim owned already."))
        .problems(&[
            ProblemKind::PackUnknown,
            ProblemKind::ClaimTaken,
            ProblemKind::MethodUnknown,
            ProblemKind::TooManyOrders,
            ProblemKind::Unavailable,
        ]);
    let showing = Operation::new("order", "Show the order of a claim")
        .secured_by(&[&CLAIM])
        .answers(StatusCode::OK, Answer::json::<OrderView>("The order."))
        .problems(&[ProblemKind::ClaimUnknown, ProblemKind::Unavailable]);
    [Resource::at("/v1/orders").post(creating, create), Resource::at("/v1/order").get(showing, show)]
}

async fn create(
    issuer: web::Data<Issuer>,
    body: JsonBody<NewOrder>,
) -> Result<HttpResponse, ProblemResponse> {
    let JsonBody(wanted) = body;
    let today = Day::from_unix(issuer.environment.now());
    let config = issuer.config.current();
    let order = new_order(&config, &wanted, today)?;
    issuer.environment.step("order.create.before");
    let most = config.limits.pending_orders.get();
    let created = issuer.stores.orders.create(order.clone(), most.into()).await?;
    issuer.environment.step("order.create.after");
    match created {
        Created::New => Ok(HttpResponse::Created().json(order.view(today))),
        Created::Claimed(known) if known.pack.id == wanted.pack => {
            Ok(HttpResponse::Ok().json(known.view(today)))
        }
        Created::Claimed(_) => {
            let detail = "the claim owns an order for another pack; make a new claim for each order";
            Err(ProblemResponse::new(ProblemKind::ClaimTaken, detail).in_field("claim"))
        }
        Created::TooManyPending => {
            issuer.limits.say_that_orders_are_refused(issuer.environment.now());
            let detail =
                "the service takes no more orders until some are paid or expire; repeat the request later";
            Err(ProblemResponse::new(ProblemKind::TooManyOrders, detail).retry_after(RETRY_ORDER_SECONDS))
        }
    }
}

fn new_order(config: &Config, wanted: &NewOrder, today: Day) -> Result<Order, ProblemResponse> {
    let pack = config.pack(&wanted.pack).ok_or_else(|| {
        ProblemResponse::new(ProblemKind::PackUnknown, "choose a pack of GET /v1/packs").in_field("pack")
    })?;
    let method = Method::named(&wanted.method).ok_or_else(|| {
        let detail = "choose one of the pack's methods, as GET /v1/packs lists them";
        ProblemResponse::new(ProblemKind::MethodUnknown, detail).in_field("method")
    })?;
    Ok(Order {
        id: OrderId::random().map_err(|error| ProblemResponse::internal(&error))?,
        claim: Claim::from_bytes(wanted.claim.0),
        pack: pack.ordered(),
        method,
        created: today,
        expires: today.plus(config.order_days),
        progress: Progress::Pending,
        revision: 0,
    })
}

async fn show(
    issuer: web::Data<Issuer>,
    request: HttpRequest,
) -> Result<web::Json<OrderView>, ProblemResponse> {
    let order = issuer.owned_order(claim(&request)?).await?;
    Ok(web::Json(order.view(Day::from_unix(issuer.environment.now()))))
}
