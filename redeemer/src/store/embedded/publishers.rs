use async_trait::async_trait;
use farthing_service::embedded::{EmbeddedStore, Fault, Table, open, table};
use farthing_service::record;
use farthing_service::unavailable::Unavailable;
use redb::{ReadableTable, WriteTransaction};

use crate::publishers::{ApiKeyHash, Publisher, PublisherChange, PublisherId};
use crate::store::{PublisherAdded, PublisherChanged, Publishers};

/// Publisher's id, 16 bytes: publisher.
const PUBLISHERS: Table = table("publishers");
/// Publisher's name: its id.
const PUBLISHER_NAMES: Table = table("publisher-names");
/// Hash of an API key in force, 32 bytes: its publisher's id.
const API_KEYS: Table = table("api-keys");

#[async_trait]
impl Publishers for EmbeddedStore {
    async fn add(&self, publisher: Publisher) -> Result<PublisherAdded, Unavailable> {
        self.write(move |transaction| {
            if exists(transaction, publisher.id)? {
                return Ok(PublisherAdded::IdTaken);
            }
            if is_taken(transaction, None, &publisher)? {
                return Ok(PublisherAdded::NameTaken);
            }
            if has_foreign_key(transaction, &publisher)? {
                return Ok(PublisherAdded::KeyTaken);
            }
            put(transaction, None, &publisher)?;
            Ok(PublisherAdded::Done)
        })
        .await
    }

    async fn list(&self) -> Result<Vec<Publisher>, Unavailable> {
        self.read(|transaction| {
            let Some(table) = open(transaction, PUBLISHERS)? else { return Ok(Vec::new()) };
            let publishers: Result<Vec<Publisher>, Fault> =
                table.iter()?.map(|entry| Ok(record::decode(entry?.1.value())?)).collect();
            Ok(Publisher::in_order(publishers?))
        })
        .await
    }

    async fn find(&self, publisher: PublisherId) -> Result<Option<Publisher>, Unavailable> {
        self.read(move |transaction| match open(transaction, PUBLISHERS)? {
            Some(publishers) => find(&publishers, publisher),
            None => Ok(None),
        })
        .await
    }

    async fn change(
        &self,
        publisher: PublisherId,
        change: PublisherChange,
    ) -> Result<PublisherChanged, Unavailable> {
        self.write(move |transaction| {
            let Some(old) = find(&transaction.open_table(PUBLISHERS)?, publisher)? else {
                return Ok(PublisherChanged::UnknownPublisher);
            };
            let new = match old.changed(&change) {
                Ok(new) => new,
                Err(why) => return Ok(PublisherChanged::Refused(why)),
            };
            if is_taken(transaction, Some(&old), &new)? {
                return Ok(PublisherChanged::NameTaken);
            }
            if has_foreign_key(transaction, &new)? {
                return Ok(PublisherChanged::KeyTaken);
            }
            put(transaction, Some(&old), &new)?;
            Ok(PublisherChanged::Done(new))
        })
        .await
    }

    async fn by_api_key(&self, hash: ApiKeyHash) -> Result<Option<PublisherId>, Unavailable> {
        self.read(move |transaction| {
            let (Some(keys), Some(publishers)) =
                (open(transaction, API_KEYS)?, open(transaction, PUBLISHERS)?)
            else {
                return Ok(None);
            };
            let Some(id) = keys.get(hash.as_bytes().as_slice())? else { return Ok(None) };
            let id = id.value().try_into().map(PublisherId::from_bytes).map_err(Fault::because)?;
            let publisher = find(&publishers, id)?;
            Ok(publisher.filter(|publisher| publisher.is_shown_by(&hash)).map(|publisher| publisher.id))
        })
        .await
    }
}

/// Whether a publisher has this id.
pub(super) fn exists(transaction: &WriteTransaction, publisher: PublisherId) -> Result<bool, Fault> {
    Ok(find(&transaction.open_table(PUBLISHERS)?, publisher)?.is_some())
}

/// Whether the name that a publisher gets is another's.
fn is_taken(transaction: &WriteTransaction, old: Option<&Publisher>, new: &Publisher) -> Result<bool, Fault> {
    match new.name() {
        Some(name) if old.and_then(Publisher::name) != Some(name) => {
            Ok(transaction.open_table(PUBLISHER_NAMES)?.get(name.as_str().as_bytes())?.is_some())
        }
        _ => Ok(false),
    }
}

/// Whether one of its API keys is another publisher's.
fn has_foreign_key(transaction: &WriteTransaction, publisher: &Publisher) -> Result<bool, Fault> {
    let keys = transaction.open_table(API_KEYS)?;
    for key in publisher.keys_in_force() {
        let owner = keys.get(key.hash.as_bytes().as_slice())?;
        if owner.is_some_and(|owner| owner.value() != publisher.id.as_bytes().as_slice()) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Writes a publisher, and what it is found by in place of what it was.
fn put(transaction: &WriteTransaction, old: Option<&Publisher>, new: &Publisher) -> Result<(), Fault> {
    let id = new.id.as_bytes().as_slice();
    let (mut names, mut keys) = (transaction.open_table(PUBLISHER_NAMES)?, transaction.open_table(API_KEYS)?);
    if let Some(name) = old.and_then(Publisher::name) {
        names.remove(name.as_str().as_bytes())?;
    }
    for key in old.into_iter().flat_map(Publisher::keys_in_force) {
        keys.remove(key.hash.as_bytes().as_slice())?;
    }
    if let Some(name) = new.name() {
        names.insert(name.as_str().as_bytes(), id)?;
    }
    for key in new.keys_in_force() {
        keys.insert(key.hash.as_bytes().as_slice(), id)?;
    }
    transaction.open_table(PUBLISHERS)?.insert(id, record::encode(new)?.as_slice())?;
    Ok(())
}

fn find(
    publishers: &impl ReadableTable<&'static [u8], &'static [u8]>,
    id: PublisherId,
) -> Result<Option<Publisher>, Fault> {
    publishers.get(id.as_bytes().as_slice())?.map(|bytes| Ok(record::decode(bytes.value())?)).transpose()
}
