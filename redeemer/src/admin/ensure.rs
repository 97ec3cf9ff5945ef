use anyhow::bail;
use farthing_service::environment::Environment;
use serde_json::{Value, json};

use crate::publishers::{ApiKeyRecord, Identity, Publisher, PublisherChange, PublisherId, PublisherName};
use crate::store::{PublisherAdded, PublisherChanged, Publishers};

/// Makes sure that there is a publisher of this name, and that this API key is one of its own and in force. What is there
/// is left as it is, so it can be done any number of times.
pub(super) async fn ensure(
    name: PublisherName,
    key: ApiKeyRecord,
    is_new: bool,
    store: &dyn Publishers,
    environment: &Environment,
) -> anyhow::Result<Value> {
    let key_id = key.id;
    let publishers = store.list().await?;
    let owner = publishers.iter().find(|publisher| publisher.keys.iter().any(|kept| kept.hash == key.hash));
    let id = match owner {
        Some(owner) if owner.name() != Some(&name) => bail!(
            "this API key is the publisher's that is called otherwise, {}; write its present name, or name another file, which \
             need not be there yet",
            owner.id
        ),
        Some(owner) if !owner.is_shown_by(&key.hash) => {
            bail!("this API key, {key_id}, was revoked; remove its file, and a new one is made")
        }
        Some(owner) => owner.id,
        // It was somebody's, who was erased or is forgotten, for ever.
        None if !is_new => bail!(
            "the API key in the file is no publisher's any more; to begin anew remove the file, and repeat the command"
        ),
        None => {
            let known = publishers.iter().find(|publisher| publisher.name() == Some(&name));
            environment.step("publisher.before");
            let id = match known {
                Some(publisher) => give(publisher.id, key, store).await?,
                None => add(name, key, store).await?,
            };
            environment.step("publisher.after");
            id
        }
    };
    Ok(json!([{ "id": id, "key_id": key_id }]))
}

async fn add(name: PublisherName, key: ApiKeyRecord, store: &dyn Publishers) -> anyhow::Result<PublisherId> {
    let id = PublisherId::random()?;
    let identity = Identity::Known { name, payout_reference: None };
    match store.add(Publisher { id, identity, created: key.created, keys: vec![key] }).await? {
        PublisherAdded::Done => Ok(id),
        PublisherAdded::NameTaken | PublisherAdded::IdTaken | PublisherAdded::KeyTaken => {
            bail!("somebody else added it at the same time; repeat the command")
        }
    }
}

async fn give(id: PublisherId, key: ApiKeyRecord, store: &dyn Publishers) -> anyhow::Result<PublisherId> {
    match store.change(id, PublisherChange::AddKey(key)).await? {
        PublisherChanged::Done(_) => Ok(id),
        PublisherChanged::Refused(why) => bail!("{id}: {why}"),
        PublisherChanged::UnknownPublisher | PublisherChanged::NameTaken | PublisherChanged::KeyTaken => {
            bail!("somebody else changed it at the same time; repeat the command")
        }
    }
}
