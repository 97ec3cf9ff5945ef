use async_trait::async_trait;
use farthing_service::embedded::{EmbeddedStore, Fault, Table, open, table};
use farthing_service::record;
use farthing_service::unavailable::Unavailable;
use redb::{ReadableTable, WriteTransaction};

use crate::publishers::{ApiKeyHash, ApiKeyId, ApiKeyRecord, Publisher, PublisherId};
use crate::store::{KeyAdded, KeyRevoked, PublisherAdded, Publishers};

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
            let id = publisher.id.as_bytes().as_slice();
            let mut names = transaction.open_table(PUBLISHER_NAMES)?;
            if names.get(publisher.name.as_str().as_bytes())?.is_some() {
                return Ok(PublisherAdded::NameTaken);
            }
            let bytes = record::encode(&publisher)?;
            names.insert(publisher.name.as_str().as_bytes(), id)?;
            transaction.open_table(PUBLISHERS)?.insert(id, bytes.as_slice())?;
            let mut keys = transaction.open_table(API_KEYS)?;
            for key in publisher.keys.iter().filter(|key| !key.revoked) {
                keys.insert(key.hash.as_bytes().as_slice(), id)?;
            }
            Ok(PublisherAdded::Done)
        })
        .await
    }

    async fn list(&self) -> Result<Vec<Publisher>, Unavailable> {
        self.read(|transaction| {
            let Some(table) = open(transaction, PUBLISHERS)? else { return Ok(Vec::new()) };
            let publishers: Result<Vec<Publisher>, Fault> =
                table.iter()?.map(|entry| Ok(record::decode(entry?.1.value())?)).collect();
            let mut publishers = publishers?;
            publishers.sort_by(|a, b| a.name.cmp(&b.name));
            Ok(publishers)
        })
        .await
    }

    async fn add_key(&self, publisher: PublisherId, key: ApiKeyRecord) -> Result<KeyAdded, Unavailable> {
        self.write(move |transaction| {
            let mut publishers = transaction.open_table(PUBLISHERS)?;
            let Some(mut found) = find(&publishers, publisher)? else {
                return Ok(KeyAdded::UnknownPublisher);
            };
            let hash = key.hash;
            found.keys.push(key);
            publishers.insert(publisher.as_bytes().as_slice(), record::encode(&found)?.as_slice())?;
            let id = publisher.as_bytes().as_slice();
            transaction.open_table(API_KEYS)?.insert(hash.as_bytes().as_slice(), id)?;
            Ok(KeyAdded::Done)
        })
        .await
    }

    async fn revoke_key(&self, publisher: PublisherId, key: ApiKeyId) -> Result<KeyRevoked, Unavailable> {
        self.write(move |transaction| {
            let mut publishers = transaction.open_table(PUBLISHERS)?;
            let Some(mut found) = find(&publishers, publisher)? else {
                return Ok(KeyRevoked::UnknownPublisher);
            };
            let Some(revoked) = found.keys.iter_mut().find(|other| other.id == key) else {
                return Ok(KeyRevoked::UnknownKey);
            };
            revoked.revoked = true;
            let hash = revoked.hash;
            publishers.insert(publisher.as_bytes().as_slice(), record::encode(&found)?.as_slice())?;
            transaction.open_table(API_KEYS)?.remove(hash.as_bytes().as_slice())?;
            Ok(KeyRevoked::Done)
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

fn find(
    publishers: &impl ReadableTable<&'static [u8], &'static [u8]>,
    id: PublisherId,
) -> Result<Option<Publisher>, Fault> {
    publishers.get(id.as_bytes().as_slice())?.map(|bytes| Ok(record::decode(bytes.value())?)).transpose()
}
