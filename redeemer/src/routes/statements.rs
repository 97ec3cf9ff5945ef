use actix_web::http::StatusCode;
use actix_web::{HttpRequest, web};
use farthing_api::{
    Envelope, ProblemKind, STATEMENT_PAYLOAD_TYPE, STATEMENTS_PAYLOAD_TYPE, Statement as StatementView,
    StatementListing,
};
use farthing_service::openapi::{Answer, Content, Operation, Parameter, Resource};
use farthing_service::problem::ProblemResponse;

use super::{for_publishers, publisher, signed};
use crate::ledger::{Statement, StatementId};
use crate::service::Redeemer;

pub(super) fn resources() -> [Resource; 2] {
    let content = Content::signed::<StatementListing>(STATEMENTS_PAYLOAD_TYPE);
    let listing = for_publishers(Operation::new("statements", "List the publisher's statements"))
        .answers(StatusCode::OK, Answer::new("The statements without their lines, signed.", content));
    let content = Content::signed::<StatementView>(STATEMENT_PAYLOAD_TYPE);
    let showing = for_publishers(Operation::new("statement", "Show a statement of the publisher's"))
        .parameter(Parameter::path("id", "The statement's id.").example("EUR.2026-11-30"))
        .answers(StatusCode::OK, Answer::new("The statement, signed.", content))
        .problems(&[ProblemKind::StatementUnknown]);
    [
        Resource::at("/v1/statements").get(listing, list),
        Resource::at("/v1/statements/{id}").get(showing, show),
    ]
}

async fn list(
    redeemer: web::Data<Redeemer>,
    request: HttpRequest,
) -> Result<web::Json<Envelope>, ProblemResponse> {
    let publisher = publisher(&redeemer, &request).await?;
    let statements = redeemer.questions.ask(redeemer.stores.statements.statements(publisher)).await?;
    let listing = StatementListing {
        publisher: publisher.to_string(),
        statements: statements.iter().map(Statement::summary).collect(),
    };
    signed(&redeemer, STATEMENTS_PAYLOAD_TYPE, &listing)
}

async fn show(
    redeemer: web::Data<Redeemer>,
    request: HttpRequest,
    id: web::Path<String>,
) -> Result<web::Json<Envelope>, ProblemResponse> {
    let publisher = publisher(&redeemer, &request).await?;
    let unknown = || {
        let detail = "no statement of yours has this id; `GET /v1/statements` lists those that were closed";
        ProblemResponse::new(ProblemKind::StatementUnknown, detail).in_field("id")
    };
    let id: StatementId = id.parse().map_err(|_| unknown())?;
    let statement = redeemer.questions.ask(redeemer.stores.statements.statement(publisher, id)).await?;
    let statement = statement.ok_or_else(unknown)?;
    signed(&redeemer, STATEMENT_PAYLOAD_TYPE, &statement.view())
}
