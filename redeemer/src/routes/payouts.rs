use actix_web::http::StatusCode;
use actix_web::{HttpRequest, web};
use farthing_api::{Envelope, PAYOUTS_PAYLOAD_TYPE, PayoutListing};
use farthing_service::openapi::{Answer, Content, Operation, Resource};
use farthing_service::problem::ProblemResponse;

use super::{for_publishers, publisher, signed};
use crate::ledger::Payout;
use crate::service::Redeemer;

pub(super) fn resource() -> Resource {
    let content = Content::signed::<PayoutListing>(PAYOUTS_PAYLOAD_TYPE);
    let operation = for_publishers(Operation::new("payouts", "List what the publisher was paid"))
        .answers(StatusCode::OK, Answer::new("The payouts, signed.", content));
    Resource::at("/v1/payouts").get(operation, list)
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
