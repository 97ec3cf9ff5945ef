use farthing_api::{AdjustmentEntry, ApiKeyEntry, PublisherData};
use farthing_service::unavailable::Unavailable;

use crate::ledger::{Account, Adjustment, CreditLine, Payout, Statement};
use crate::publishers::{ApiKeyRecord, PayoutReference, Publisher, PublisherId};
use crate::store::Stores;

/// Everything that is kept of a publisher, for itself; nothing once it was erased.
///
/// Answers to its redemptions of the last 48 hours are not in it: they are kept under MACs, by which the redeemer itself
/// cannot tell whose they are without the `Idempotency-Key` that the publisher sent.
///
/// # Errors
/// The store does not answer, or has sums beyond 64 bits.
pub async fn own_data(id: PublisherId, stores: &Stores) -> Result<Option<PublisherData>, Unavailable> {
    let Some(publisher) = stores.publishers.find(id).await? else { return Ok(None) };
    let Some(name) = publisher.name() else { return Ok(None) };
    let Account { entries, statements, payouts } = stores.account(id).await?;
    Ok(Some(PublisherData {
        publisher: id.to_string(),
        name: name.to_string(),
        payout_reference: publisher.payout_reference().map(PayoutReference::as_str).map(str::to_owned),
        created: publisher.created.to_string(),
        keys: keys(&publisher),
        credit: entries.credit().map_err(Unavailable::because)?,
        balance: entries.balance().map_err(Unavailable::because)?,
        credits: entries.credits.iter().map(CreditLine::view).collect(),
        adjustments: entries.adjustments.iter().map(adjustment).collect(),
        statements: statements.iter().map(Statement::view).collect(),
        payouts: payouts.iter().map(Payout::view).collect(),
    }))
}

fn keys(publisher: &Publisher) -> Vec<ApiKeyEntry> {
    let entry = |key: &ApiKeyRecord| ApiKeyEntry {
        id: key.id.to_string(),
        created: key.created.to_string(),
        revoked: key.revoked,
    };
    publisher.keys.iter().map(entry).collect()
}

fn adjustment(entry: &Adjustment) -> AdjustmentEntry {
    AdjustmentEntry {
        id: entry.id.to_string(),
        day: entry.day.to_string(),
        currency: entry.denomination.currency().to_string(),
        value_micros: entry.denomination.value_micros().get(),
        tokens: entry.tokens.get(),
        reason: entry.reason.as_str().to_owned(),
        made: entry.made.to_string(),
    }
}
