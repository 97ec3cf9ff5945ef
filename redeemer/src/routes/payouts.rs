use actix_web::{HttpRequest, web};
use farthing_api::{Envelope, PAYOUTS_PAYLOAD_TYPE, PayoutListing};
use farthing_service::problem::ProblemResponse;

use super::{publisher, signed};
use crate::ledger::Payout;
use crate::service::Redeemer;

pub(super) fn configure(routes: &mut web::ServiceConfig) {
    routes.service(web::resource("/v1/payouts").get(list));
}

async fn list(
    redeemer: web::Data<Redeemer>,
    request: HttpRequest,
) -> Result<web::Json<Envelope>, ProblemResponse> {
    let publisher = publisher(&redeemer, &request).await?;
    let payouts = redeemer.questions.ask(redeemer.stores.payouts.payouts(publisher)).await?;
    let listing = PayoutListing {
        publisher: publisher.to_string(),
        payouts: payouts.iter().map(Payout::view).collect(),
    };
    signed(&redeemer, PAYOUTS_PAYLOAD_TYPE, &listing)
}
