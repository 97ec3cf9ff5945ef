use actix_web::{HttpRequest, web};
use farthing_api::Balance;
use farthing_service::problem::ProblemResponse;

use super::publisher;
use crate::service::Redeemer;

pub(super) fn configure(routes: &mut web::ServiceConfig) {
    routes.service(web::resource("/v1/balance").get(show));
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
