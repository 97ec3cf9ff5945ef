use anyhow::{Context, bail};
use farthing_service::environment::Environment;
use serde_json::{Value, json};

use super::{how_to_repeat, unknown_publisher};
use crate::ledger::Adjustment;
use crate::publishers::PublisherId;
use crate::store::{Adjusted, Stores};

/// Keeps an entry, or finds that it is kept already.
pub(super) async fn adjust(
    adjustment: Adjustment,
    stores: &Stores,
    environment: &Environment,
) -> anyhow::Result<Value> {
    let Adjustment { id, publisher, day, made, .. } = adjustment;
    if day > made {
        bail!("the day {day} has not begun; enter it on that day or for an earlier one");
    }
    environment.step("adjustment.before");
    let adjusted = stores.ledger.adjust(adjustment.clone()).await.with_context(|| how_to_repeat(id))?;
    environment.step("adjustment.after");
    match adjusted {
        Adjusted::Done => Ok(json!([adjustment])),
        Adjusted::Kept(kept) if kept.says_the_same(&adjustment) => Ok(json!([kept])),
        Adjusted::Kept(_) => bail!(
            "the publisher {publisher} has another entry with the id {id}, and entries never change; leave --id out for \
             a new one"
        ),
        Adjusted::UnknownPublisher => unknown_publisher(publisher),
    }
}

/// A publisher's credits, then the entries beside them, then what they come to.
pub(super) async fn list(publisher: PublisherId, stores: &Stores) -> anyhow::Result<Value> {
    if stores.publishers.find(publisher).await?.is_none() {
        return unknown_publisher(publisher);
    }
    let entries = stores.ledger.entries(publisher).await?;
    let credits = entries.credits.iter().map(|line| json!({ "credit": line }));
    let adjustments = entries.adjustments.iter().map(|entry| json!({ "adjustment": entry }));
    let balance = entries.balance()?;
    let sums = balance.iter().map(|sum| json!({ "balance": sum }));
    Ok(credits.chain(adjustments).chain(sums).collect())
}
