use actix_web::http::StatusCode;
use actix_web::{HttpRequest, web};
use farthing_api::{BALANCE_PAYLOAD_TYPE, Balance, Envelope};
use farthing_service::openapi::{Answer, Content, Operation, Resource};
use farthing_service::problem::ProblemResponse;

use super::{for_publishers, publisher, signed};
use crate::ledger::{CreditLine, last_of_each_currency, unstated};
use crate::service::Redeemer;

pub(super) fn resource() -> Resource {
    let content = Content::signed::<Balance>(BALANCE_PAYLOAD_TYPE);
    let operation = for_publishers(Operation::new("balance", "Show what the publisher was credited"))
        .described(
            "The sums by currency, and by day and value of a token what no closed statement has yet: with the lines of those \
             that are closed it is the whole credit. `last_statements` says which those are.",
        )
        .answers(StatusCode::OK, Answer::new("The balance, signed.", content));
    Resource::at("/v1/balance").get(operation, show)
}

async fn show(
    redeemer: web::Data<Redeemer>,
    request: HttpRequest,
) -> Result<web::Json<Envelope>, ProblemResponse> {
    let publisher = publisher(&redeemer, &request).await?;
    // What was credited until then is in it.
    let at = redeemer.environment.now();
    let (statements, entries) = redeemer.questions.ask(redeemer.stores.confirmed_ledger(publisher)).await?;
    let credit = entries.credit().map_err(|error| ProblemResponse::internal(&error))?;
    let balance = entries.balance().map_err(|error| ProblemResponse::internal(&error))?;
    let open = unstated(&entries, &statements);
    let open = open.map_err(|error| ProblemResponse::internal(&error))?;
    let unstated = open.credits.iter().map(CreditLine::view).collect();
    let last_statements = last_of_each_currency(&statements).map(|id| id.to_string()).collect();
    let publisher = publisher.to_string();
    let document = Balance { publisher, at, credit, balance, unstated, last_statements };
    signed(&redeemer, BALANCE_PAYLOAD_TYPE, &document)
}
