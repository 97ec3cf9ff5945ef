use anyhow::{Context, bail};
use farthing_protocol::Day;
use farthing_service::environment::Environment;
use serde_json::{Value, json};

use super::listed_publishers;
use crate::ledger::{BasisPoints, Closing, Statement};
use crate::publishers::{Publisher, PublisherId};
use crate::store::Stores;

/// Closes the statements of one publisher after the other. One that fails leaves those before it closed, and repeating
/// the command does the rest.
pub(super) async fn close(
    through: Option<Day>,
    commission: BasisPoints,
    stores: &Stores,
    environment: &Environment,
) -> anyhow::Result<Value> {
    let today = Day::from_unix(environment.now());
    let through = match through {
        Some(day) if day < today => day,
        Some(day) => bail!("--through {day}: the day has not ended (UTC); close through an earlier one"),
        None => today.first_of_month().previous().context("no month has ended yet")?,
    };
    let mut lines = Vec::new();
    for publisher in stores.publishers.list().await? {
        environment.step("statements.before");
        let closing = Closing { publisher: publisher.id, through, closed: today, commission };
        let closed = stores.statements.close(closing).await?;
        environment.step("statements.after");
        lines.extend(closed.iter().map(|statement| listed(&publisher, statement)));
    }
    if lines.is_empty() {
        // Not that everything is stated: a day that is closed stays so, and what came late for it waits.
        lines.push(json!(format!(
            "nothing to close through {through}; what came late for a stated day waits for the next statement"
        )));
    }
    Ok(Value::Array(lines))
}

/// The statements of one publisher or of all.
pub(super) async fn list(publisher: Option<PublisherId>, stores: &Stores) -> anyhow::Result<Value> {
    let mut lines = Vec::new();
    for publisher in listed_publishers(publisher, stores).await? {
        let statements = stores.statements.statements(publisher.id).await?;
        lines.extend(statements.iter().map(|statement| listed(&publisher, statement)));
    }
    Ok(Value::Array(lines))
}

fn listed(publisher: &Publisher, statement: &Statement) -> Value {
    json!({ "publisher": publisher.id, "name": publisher.name(), "statement": statement.summary() })
}
