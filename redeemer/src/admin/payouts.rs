use anyhow::bail;
use farthing_protocol::Day;
use farthing_service::environment::Environment;
use serde_json::{Value, json};

use super::listed_publishers;
use crate::ledger::{Due, Paying, due};
use crate::publishers::{Identity, Owed, Publisher, PublisherId};
use crate::store::{Paid, Stores};

/// Refuses to tell or to record what is paid where payouts may be missing, unless it is those that are being entered again.
pub(super) fn check_known(stores: &Stores, after_restore: bool) -> anyhow::Result<()> {
    let known = stores.birth.check_payouts();
    match known {
        Ok(()) if after_restore => bail!(
            "--after-restore: no payout is missing: the store was never restored, or `payouts confirm` said that all are there"
        ),
        Err(missing) if !after_restore => Err(missing.into()),
        _ => Ok(()),
    }
}

/// Notes that no payout is missing any more.
pub(super) async fn confirm(stores: &Stores, environment: &Environment) -> anyhow::Result<Value> {
    if stores.birth.check_payouts().is_ok() {
        bail!("no payout is missing: the store was never restored, or this was said already");
    }
    let today = Day::from_unix(environment.now());
    stores.copies.replace_birth(stores.birth.with_payouts_entered(today)).await?;
    Ok(json!(["what was paid is known again: payouts are told and recorded as before"]))
}

/// Records a payout, or finds that it is recorded already.
pub(super) async fn record(
    paying: Paying,
    stores: &Stores,
    environment: &Environment,
) -> anyhow::Result<Value> {
    listed_publishers(Some(paying.publisher), stores).await?;
    environment.step("payout.before");
    let paid = stores.payouts.pay(paying.clone()).await?;
    environment.step("payout.after");
    let Paying { id, publisher, statement, amount_minor, reference, .. } = paying;
    match paid {
        Paid::Done(payout) => Ok(json!([payout])),
        Paid::Kept(kept)
            if kept.statement == statement
                && kept.reference == reference
                && amount_minor.is_none_or(|amount| amount == kept.amount_minor) =>
        {
            Ok(json!([kept]))
        }
        Paid::Kept(_) => bail!(
            "the publisher {publisher} has another payout with the id {id}, and payouts never change; leave --id out \
             for a new one"
        ),
        Paid::Refused(why) => bail!("{why}; nothing was recorded"),
    }
}

/// The payouts of one publisher or of all.
pub(super) async fn list(publisher: Option<PublisherId>, stores: &Stores) -> anyhow::Result<Value> {
    let mut lines = Vec::new();
    for publisher in listed_publishers(publisher, stores).await? {
        let payouts = stores.payouts.payouts(publisher.id).await?;
        lines.extend(payouts.iter().map(
            |payout| json!({ "publisher": publisher.id, "name": publisher.name(), "payout": payout.view() }),
        ));
    }
    Ok(Value::Array(lines))
}

/// What is not paid of every publisher's statements; of one that was erased only if nothing was owed to it then, so that
/// what was credited at the last moment is seen.
pub(super) async fn list_due(hold_days: u32, stores: &Stores, today: Day) -> anyhow::Result<Value> {
    let mut lines = Vec::new();
    let is_open = |publisher: &&Publisher| {
        !matches!(publisher.identity, Identity::Erased { owed: Owed::Paid | Owed::Forfeited, .. })
    };
    for publisher in listed_publishers(None, stores).await?.iter().filter(is_open) {
        let statements = stores.statements.statements(publisher.id).await?;
        let payouts = stores.payouts.payouts(publisher.id).await?;
        for Due { statement, unpaid_minor, payable_from, payable_minor } in
            due(&statements, &payouts, today, hold_days)?
        {
            lines.push(json!({
                "publisher": publisher.id, "name": publisher.name(), "payout_reference": publisher.payout_reference(),
                "statement": statement, "unpaid_minor": unpaid_minor, "payable_from": payable_from,
                "payable_minor": payable_minor,
            }));
        }
    }
    Ok(Value::Array(lines))
}
