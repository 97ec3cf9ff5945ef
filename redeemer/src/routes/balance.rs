use actix_web::http::StatusCode;
use actix_web::{HttpRequest, web};
use farthing_api::Balance;
use farthing_service::openapi::{Answer, Operation, Resource};
use farthing_service::problem::ProblemResponse;

use super::{for_publishers, publisher};
use crate::service::Redeemer;

pub(super) fn resource() -> Resource {
    let operation = for_publishers(Operation::new("balance", "Show what the publisher was credited"))
        .answers(StatusCode::OK, Answer::json::<Balance>("The balance."));
    Resource::at("/v1/balance").get(operation, show)
}

async fn show(
    redeemer: web::Data<Redeemer>,
    request: HttpRequest,
) -> Result<web::Json<Balance>, ProblemResponse> {
    let publisher = publisher(&redeemer, &request).await?;
    let entries = redeemer.questions.ask(redeemer.stores.ledger.entries(publisher)).await?;
    let credit = entries.credit().map_err(|error| ProblemResponse::internal(&error))?;
    let balance = entries.balance().map_err(|error| ProblemResponse::internal(&error))?;
    Ok(web::Json(Balance { publisher: publisher.to_string(), credit, balance }))
}
