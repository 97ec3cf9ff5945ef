use actix_web::http::StatusCode;
use actix_web::web;
use farthing_api::{OrderState, OrderView, ProblemKind, VoucherPayment};
use farthing_protocol::Day;
use farthing_service::body::JsonBody;
use farthing_service::openapi::{Answer, Operation, Parameter, Resource};
use farthing_service::problem::ProblemResponse;

use crate::orders::{OrderId, Step};
use crate::service::Issuer;
use crate::store::{Along, Replaced};
use crate::vouchers::VoucherCode;

/// How often an order that changed under our hands is read again before we give up.
const TRIES: u32 = 8;

pub(super) fn resource() -> Resource {
    let operation = Operation::new("pay-by-voucher", "Pay an order with a prepaid code")
        .described("The same code again, after an answer was lost, finds the order paid.")
        .parameter(Parameter::path("id", "The order's id.").example("AgICAgICAgICAgICAgICAg"))
        .takes::<VoucherPayment>()
        .answers(StatusCode::OK, Answer::json::<OrderView>("The order, paid."))
        .problems(&[
            ProblemKind::OrderUnknown,
            ProblemKind::VoucherUnknown,
            ProblemKind::OrderNotPayable,
            ProblemKind::VoucherUsed,
            ProblemKind::VoucherPack,
            ProblemKind::Unavailable,
        ]);
    Resource::at("/v1/orders/{id}/voucher").post(operation, pay)
}

/// Pays an order with a prepaid code. The same code again, after an answer was lost, finds the order paid.
async fn pay(
    issuer: web::Data<Issuer>,
    id: web::Path<String>,
    body: JsonBody<VoucherPayment>,
) -> Result<web::Json<OrderView>, ProblemResponse> {
    let unknown = |detail| ProblemResponse::new(ProblemKind::VoucherUnknown, detail).in_field("code");
    let code = zeroize::Zeroizing::new(body.0.code);
    let code: VoucherCode =
        code.parse().map_err(|error: crate::vouchers::InvalidVoucherCode| unknown(error.to_string()))?;
    let id: OrderId = id.parse().map_err(|_| order_unknown())?;
    for _ in 0..TRIES {
        let today = Day::from_unix(issuer.environment.now());
        // The voucher first: if it has paid the order meanwhile, the order that is read then is the paid one.
        let voucher = issuer
            .stores
            .vouchers
            .find(code.hash())
            .await?
            .ok_or_else(|| unknown("look at the code again: it has 26 letters and digits".to_owned()))?;
        let order = issuer.stores.orders.by_id(id).await?.ok_or_else(order_unknown)?;
        match voucher.used_by {
            // A store whose server was replaced may be asked before and after: what it says then contradicts itself.
            Some(used_by) if used_by == id && !order.is_paid() => continue,
            Some(used_by) if used_by == id => return Ok(web::Json(order.view(today))),
            Some(_) => return Err(used()),
            None => {}
        }
        if voucher.pack != order.pack.id {
            let detail = "the code is for another pack than the order; it was not used";
            return Err(ProblemResponse::new(ProblemKind::VoucherPack, detail).in_field("code"));
        }
        let paid = order.advance(Step::Pay, today).map_err(not_payable)?;
        issuer.environment.step("order.pay.before");
        let replaced = issuer.stores.orders.replace(&order, &paid, Along::UseVoucher(code.hash())).await?;
        issuer.environment.step("order.pay.after");
        if replaced == Replaced::Done {
            return Ok(web::Json(paid.view(today)));
        }
    }
    Err(ProblemResponse::unavailable(&"an order kept changing"))
}

fn order_unknown() -> ProblemResponse {
    ProblemResponse::new(
        ProblemKind::OrderUnknown,
        "make an order first: POST /v1/orders; the code was not used",
    )
    .in_field("id")
}

fn used() -> ProblemResponse {
    ProblemResponse::new(ProblemKind::VoucherUsed, "the code paid another order; each is good once")
        .in_field("code")
}

fn not_payable(state: OrderState) -> ProblemResponse {
    let detail = match state {
        OrderState::Expired => "the order expired unpaid; make a new one. The code was not used",
        _ => "the order is paid already; the code was not used",
    };
    ProblemResponse::new(ProblemKind::OrderNotPayable, detail)
}
