use anyhow::{Context, bail};
use farthing_protocol::Day;
use farthing_service::environment::Environment;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{find_publisher, how_to_repeat, listed_publishers};
use crate::ledger::{Due, EntryId, Paying, Payout, Remark, Reversing, StatementId, due};
use crate::publishers::{Owed, PayoutReference, Publisher, PublisherId};
use crate::store::{Paid, Reversed, Stores};

/// What is to be recorded as paid.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordPayout {
    /// To whom.
    pub publisher: PublisherId,
    /// By which the command can be repeated.
    pub id: EntryId,
    /// Of which statement.
    pub statement: StatementId,
    /// How much, in the currency's minor unit; all that is due unless it is said.
    pub amount_minor: Option<u64>,
    /// What the publisher finds it by.
    pub reference: Remark,
    /// Where it was paid; where the publisher is paid now unless it is said.
    pub payout_reference: Option<PayoutReference>,
    /// Whether it was made before the store was restored, and the store may lack more of that time.
    pub after_restore: bool,
}

impl RecordPayout {
    /// Whether a payout is what was asked for; what was left out may be anything.
    fn is(&self, kept: &Payout) -> bool {
        kept.reverses.is_none()
            && kept.statement == self.statement
            && kept.reference == self.reference
            && self.amount_minor.is_none_or(|amount| u64::try_from(kept.amount_minor) == Ok(amount))
            && (self.payout_reference.is_none() || kept.payout_reference == self.payout_reference)
    }
}

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
    asked: RecordPayout,
    hold_days: u32,
    stores: &Stores,
    environment: &Environment,
) -> anyhow::Result<Value> {
    let RecordPayout { publisher, id, statement, amount_minor, after_restore, .. } = asked;
    let paid_to = find_publisher(publisher, stores).await?.payout_reference().cloned();
    let paying = Paying {
        id,
        publisher,
        statement,
        amount_minor,
        reference: asked.reference.clone(),
        payout_reference: asked.payout_reference.clone().or(paid_to),
        after_restore,
        made: Day::from_unix(environment.now()),
        hold_days,
    };
    environment.step("payout.before");
    let paid = stores.payouts.pay(paying).await.with_context(|| how_to_repeat(id))?;
    environment.step("payout.after");
    match paid {
        Paid::Done(payout) => Ok(json!([payout])),
        Paid::Kept(kept) if asked.is(&kept) => Ok(json!([kept])),
        Paid::Kept(_) => bail!(
            "the publisher {publisher} has another payout with the id {id}, and payouts never change; leave --id out \
             for a new one"
        ),
        Paid::Refused(why) => bail!("{why}; nothing was recorded"),
    }
}

/// Reverses a payout, or finds that it is reversed already.
pub(super) async fn reverse(
    reversing: Reversing,
    stores: &Stores,
    environment: &Environment,
) -> anyhow::Result<Value> {
    find_publisher(reversing.publisher, stores).await?;
    environment.step("payout.before");
    let reversed = stores.payouts.reverse(reversing.clone()).await?;
    environment.step("payout.after");
    match reversed {
        Reversed::Done(reversal) => Ok(json!([reversal])),
        Reversed::Kept(kept) if kept.reference == reversing.reason => Ok(json!([kept])),
        Reversed::Kept(kept) => bail!(
            "the payout {} was reversed on {} with another reason, and entries never change; `payouts list` shows it",
            reversing.payout,
            kept.made
        ),
        Reversed::Refused(why) => bail!("{why}; nothing was recorded"),
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

/// What is not paid of every publisher's statements; of one that was erased also what was credited at the last moment, beside
/// what the operator said of the rest.
pub(super) async fn list_due(hold_days: u32, stores: &Stores, today: Day) -> anyhow::Result<Value> {
    let mut lines = Vec::new();
    for publisher in listed_publishers(None, stores).await? {
        let statements = stores.statements.statements(publisher.id).await?;
        let payouts = stores.payouts.payouts(publisher.id).await?;
        let is_settled = |statement| is_settled(&publisher, statement, &payouts);
        let all = due(&statements, &payouts, today, hold_days, is_settled)?;
        for Due { statement, unpaid_minor, payable_from, payable_minor } in all {
            lines.push(json!({
                "publisher": publisher.id, "name": publisher.name(), "payout_reference": publisher.payout_reference(),
                "erased": publisher.erased(), "owed": publisher.owed(), "statement": statement,
                "unpaid_minor": unpaid_minor, "payable_from": payable_from, "payable_minor": payable_minor,
            }));
        }
    }
    Ok(Value::Array(lines))
}

/// Whether what is due of a statement is what the operator said of when the publisher was erased: neither was anything
/// credited later, nor did money come back.
fn is_settled(publisher: &Publisher, statement: StatementId, payouts: &[Payout]) -> bool {
    let Some(on) = publisher.erased() else { return false };
    let came_back =
        |payout: &Payout| payout.statement == statement && payout.reverses.is_some() && payout.made >= on;
    matches!(publisher.owed(), Some(Owed::Paid | Owed::Forfeited))
        && statement.through < on
        && !payouts.iter().any(came_back)
}
