use actix_web::http::StatusCode;
use actix_web::{HttpRequest, web};
use farthing_api::PublisherData;
use farthing_service::openapi::{Answer, Operation, Resource};
use farthing_service::problem::ProblemResponse;

use super::{api_key_unknown, for_publishers, publisher};
use crate::exports::own_data;
use crate::service::Redeemer;

pub(super) fn resource() -> Resource {
    let operation = for_publishers(Operation::new("publisher", "Show all that is kept of the publisher"))
        .answers(StatusCode::OK, Answer::json::<PublisherData>("All of it."));
    Resource::at("/v1/publisher").get(operation, show)
}

/// Everything that is kept of the publisher. One that is erased meanwhile has shown a key that is in force no more.
async fn show(
    redeemer: web::Data<Redeemer>,
    request: HttpRequest,
) -> Result<web::Json<PublisherData>, ProblemResponse> {
    let publisher = publisher(&redeemer, &request).await?;
    let data = redeemer.questions.ask(own_data(publisher, &redeemer.stores)).await?;
    data.map(web::Json).ok_or_else(api_key_unknown)
}
