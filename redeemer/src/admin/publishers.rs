use anyhow::bail;
use farthing_protocol::Day;
use farthing_service::environment::Environment;
use farthing_service::unavailable::Unavailable;
use serde_json::{Value, json};

use super::unknown_publisher;
use crate::ledger::{BasisPoints, Outstanding, outstanding};
use crate::publishers::{
    ApiKey, ApiKeyId, ApiKeyRecord, Identity, NewPayoutReference, Owed, PayoutReference, Publisher,
    PublisherChange, PublisherId, PublisherName,
};
use crate::store::{PublisherAdded, PublisherChanged, Publishers, Stores};

pub(super) async fn add(
    name: PublisherName,
    payout_reference: Option<PayoutReference>,
    store: &dyn Publishers,
    environment: &Environment,
) -> anyhow::Result<Value> {
    let created = Day::from_unix(environment.now());
    let (id, key) = (PublisherId::random()?, ApiKey::random()?);
    let identity = Identity::Known { name: name.clone(), payout_reference };
    let publisher = Publisher { id, identity, created, keys: vec![ApiKeyRecord::new(&key, created)] };
    environment.step("publisher.before");
    let added = store.add(publisher).await?;
    environment.step("publisher.after");
    match added {
        PublisherAdded::Done => Ok(json!([{ "id": id, "api_key": key.reveal().as_str() }])),
        PublisherAdded::NameTaken => bail!(
            "a publisher is called {:?} already; choose another name, or `publishers keys add` gives it a new key",
            name.as_str()
        ),
        PublisherAdded::IdTaken | PublisherAdded::KeyTaken => {
            bail!("the id or the API key that was drawn is taken; repeat the command")
        }
    }
}

pub(super) async fn describe(
    publisher: PublisherId,
    name: Option<PublisherName>,
    payout_reference: Option<NewPayoutReference>,
    store: &dyn Publishers,
    environment: &Environment,
) -> anyhow::Result<Value> {
    let change = PublisherChange::Describe { name, payout_reference };
    Ok(json!([listed(&changed(publisher, change, store, environment).await?)]))
}

pub(super) async fn list(store: &dyn Publishers) -> anyhow::Result<Value> {
    Ok(store.list().await?.iter().map(listed).collect())
}

pub(super) async fn add_key(
    publisher: PublisherId,
    store: &dyn Publishers,
    environment: &Environment,
) -> anyhow::Result<Value> {
    let key = ApiKey::random()?;
    let record = ApiKeyRecord::new(&key, Day::from_unix(environment.now()));
    let added = changed(publisher, PublisherChange::AddKey(record), store, environment).await;
    // Each repetition would make another one.
    added.map_err(|error| {
        if !error.is::<Unavailable>() {
            return error;
        }
        error.context(key_nobody_was_shown(Some(key.id())))
    })?;
    Ok(json!([{ "id": publisher, "key_id": key.id(), "api_key": key.reveal().as_str() }]))
}

/// What is said where nobody knows whether a key was made: its id, where that is known.
pub fn key_nobody_was_shown(id: Option<ApiKeyId>) -> String {
    let key = id.map_or_else(|| "a key".to_owned(), |id| format!("the key {id}"));
    format!(
        "{key} may have been made, which nobody was shown: if `publishers list` has one that you do not know, revoke it"
    )
}

pub(super) async fn revoke_key(
    publisher: PublisherId,
    key: ApiKeyId,
    store: &dyn Publishers,
    environment: &Environment,
) -> anyhow::Result<Value> {
    changed(publisher, PublisherChange::RevokeKey(key), store, environment).await?;
    Ok(json!([format!("revoked the API key {key}: it is refused from now on")]))
}

/// Erases a publisher to whom nothing is owed, or of whom the operator says what became of that. It is one step of the
/// store, so nothing is ever half erased; doing it again does nothing.
pub(super) async fn erase(
    publisher: PublisherId,
    owed: Option<Owed>,
    commission: BasisPoints,
    stores: &Stores,
    environment: &Environment,
) -> anyhow::Result<Value> {
    let on = Day::from_unix(environment.now());
    let store = &*stores.publishers;
    let Some(known) = store.find(publisher).await? else { return unknown_publisher(publisher) };
    if known.erased().is_some() {
        return Ok(json!([listed(&known)]));
    }
    let open = outstanding(publisher, on, commission, &stores.account(publisher).await?)?;
    let owed = match owed {
        _ if open.is_empty() => Owed::Nothing,
        Some(owed) => owed,
        None => {
            let amounts: Vec<_> = open.iter().map(Outstanding::to_string).collect();
            bail!(
                "{} is open with the publisher; settle it, then repeat the command with --owed paid or --owed forfeited; \
                 nothing was erased",
                amounts.join(", ")
            )
        }
    };
    let erased = changed(publisher, PublisherChange::Erase { on, owed }, store, environment).await?;
    Ok(json!([listed(&erased)]))
}

async fn changed(
    publisher: PublisherId,
    change: PublisherChange,
    store: &dyn Publishers,
    environment: &Environment,
) -> anyhow::Result<Publisher> {
    environment.step("publisher.before");
    let changed = store.change(publisher, change).await?;
    environment.step("publisher.after");
    match changed {
        PublisherChanged::Done(publisher) => Ok(publisher),
        PublisherChanged::UnknownPublisher => unknown_publisher(publisher),
        PublisherChanged::NameTaken => bail!("another publisher has this name; choose another one"),
        PublisherChanged::KeyTaken => bail!("another publisher has this API key; nothing was changed"),
        PublisherChanged::Refused(why) => bail!("{publisher}: {why}"),
    }
}

fn listed(publisher: &Publisher) -> Value {
    let key = |key: &ApiKeyRecord| json!({ "id": key.id, "created": key.created, "revoked": key.revoked });
    let keys: Vec<_> = publisher.keys.iter().map(key).collect();
    match &publisher.identity {
        Identity::Known { name, payout_reference } => json!({
            "id": publisher.id, "name": name, "payout_reference": payout_reference, "created": publisher.created,
            "keys": keys,
        }),
        Identity::Erased { on, owed } => json!({
            "id": publisher.id, "created": publisher.created, "erased": on, "owed": owed, "keys": keys,
        }),
    }
}
