use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use actix_web::{HttpRequest, HttpResponse, web};
use farthing_api::ProblemKind;
use farthing_protocol::Day;
use farthing_service::openapi::{Answer, Content, Operation, Parameter, Resource};
use farthing_service::problem::{ProblemResponse, not_found};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{for_publishers, publisher};
use crate::exports::{Days, Export, Form, of_publisher};
use crate::publishers::PublisherId;
use crate::service::Redeemer;

pub(super) fn resource() -> Resource {
    let operation = described(Operation::new("export", "Export a table for bookkeepers"));
    Resource::at("/v1/exports/{file}").get(for_publishers(operation), show)
}

/// What is said of every operation that ends with [`answer`].
pub(super) fn described(operation: Operation) -> Operation {
    let tables = [Export::Redemptions, Export::Statements, Export::Payouts].map(rows_schema);
    let rows = Content::of_schema(json!({ "anyOf": tables }), example());
    let answer = Answer::new("The table.", Content::text("text/csv")).or(rows);
    operation
        .described(
            "Redemptions by day and value of a token, closed statements, or payouts. Each amount is there twice: in the \
             currency's unit, as text with a point, and in millionths of it. In CSV a text that a spreadsheet would take \
             for a formula has an apostrophe in front.",
        )
        .parameter(Parameter::path("file", "Which table, and in which form.").schema(json!({ "enum": FILES })))
        .parameter(day_parameter("from", "The first day, in UTC; all days unless said otherwise."))
        .parameter(day_parameter("through", "The last day, in UTC."))
        .answers(StatusCode::OK, answer)
}

/// A list of rows, each an object with the table's columns.
fn rows_schema(export: Export) -> Value {
    let member = |name: &&str| {
        let counts = name.ends_with("_micros") || name.ends_with("_points") || *name == "tokens";
        let kind = match *name {
            _ if counts => json!("integer"),
            name if Export::SPARSE.contains(&name) => json!(["string", "null"]),
            _ => json!("string"),
        };
        ((*name).to_owned(), json!({ "type": kind }))
    };
    let members: Map<_, _> = export.columns().iter().map(member).collect();
    let row = json!({
        "type": "object",
        "properties": members,
        "required": export.columns(),
        "additionalProperties": false,
    });
    json!({ "type": "array", "items": row })
}

fn example() -> Value {
    json!([{
        "day": "2026-11-21",
        "currency": "EUR",
        "value": "0.01",
        "value_micros": 10_000,
        "tokens": 1_200,
        "amount": "12.00",
        "amount_micros": 12_000_000,
    }])
}

const FILES: [&str; 6] = [
    "redemptions.csv",
    "redemptions.json",
    "statements.csv",
    "statements.json",
    "payouts.csv",
    "payouts.json",
];

/// Days are counted from 1970 on.
fn day_parameter(name: &'static str, description: &'static str) -> Parameter {
    let pattern = "^(19[7-9][0-9]|[2-9][0-9]{3})-[0-9]{2}-[0-9]{2}$";
    Parameter::query(name, description)
        .schema(json!({ "type": "string", "format": "date", "pattern": pattern }))
}

/// Which days. They are read by hand, so that what is wrong can be said of each.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Range {
    from: Option<String>,
    through: Option<String>,
}

async fn show(
    redeemer: web::Data<Redeemer>,
    request: HttpRequest,
    file: web::Path<String>,
    range: web::Query<Range>,
) -> Result<HttpResponse, ProblemResponse> {
    let publisher = publisher(&redeemer, &request).await?;
    answer(&redeemer, publisher, &file, &range).await
}

/// A publisher's table, as the name of a file asks for it: `statements.csv`.
pub(super) async fn answer(
    redeemer: &Redeemer,
    publisher: PublisherId,
    file: &str,
    range: &Range,
) -> Result<HttpResponse, ProblemResponse> {
    let (table, form) = file.split_once('.').ok_or_else(not_found)?;
    let export: Export = table.parse().map_err(|_| not_found())?;
    let form: Form = form.parse().map_err(|_| not_found())?;
    let (from, through) = (day("from", range.from.as_ref())?, day("through", range.through.as_ref())?);
    let days = Days::new(from, through).map_err(|error| {
        let detail = format!("{error}; name the first day and then the last, or leave one out");
        ProblemResponse::new(ProblemKind::BadRequest, detail).in_field("from")
    })?;
    let table = redeemer.questions.ask(of_publisher(export, &days, publisher, &redeemer.stores)).await?;
    let mut answer = HttpResponse::Ok();
    answer.insert_header((CONTENT_DISPOSITION, format!("attachment; filename=\"{file}\"")));
    Ok(match form {
        Form::Json => answer.json(table),
        Form::Csv => answer
            .insert_header((CONTENT_TYPE, "text/csv; charset=utf-8; header=present"))
            .body(table.csv().map_err(|error| ProblemResponse::internal(&error))?),
    })
}

fn day(field: &str, text: Option<&String>) -> Result<Option<Day>, ProblemResponse> {
    text.map(|text| text.parse()).transpose().map_err(|_| {
        let detail = "write a day as 2026-11-30, or leave it out for all days";
        ProblemResponse::new(ProblemKind::BadRequest, detail).in_field(field)
    })
}
