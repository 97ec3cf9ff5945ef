use async_trait::async_trait;
use farthing_service::redis::{Call, RedisStore, Script};
use farthing_service::unavailable::Unavailable;
use farthing_service::{record, redis_script};

use super::unreadable;
use crate::publishers::{ApiKeyHash, ApiKeyId, ApiKeyRecord, Publisher, PublisherId};
use crate::store::{KeyAdded, KeyRevoked, PublisherAdded, Publishers};

static ADD: Script = redis_script!("scripts/publisher_add.lua");
static LIST: Script = redis_script!("scripts/publishers_list.lua");
static FIND: Script = redis_script!("scripts/publisher_find.lua");
static REPLACE: Script = redis_script!("scripts/publisher_replace.lua");
static BY_API_KEY: Script = redis_script!("scripts/publisher_by_api_key.lua");

/// How often a publisher that changed under our hands is read again before we give up.
const TRIES: u32 = 8;

/// A hash: publisher's id: publisher.
pub(super) fn publishers_key(store: &RedisStore) -> Vec<u8> {
    store.key(&[b"publishers"])
}

/// A hash: publisher's name: its id.
fn names_key(store: &RedisStore) -> Vec<u8> {
    store.key(&[b"publisher-names"])
}

/// A hash: hash of an API key in force: its publisher's id.
fn api_keys_key(store: &RedisStore) -> Vec<u8> {
    store.key(&[b"api-keys"])
}

/// What happens to the entry of an API key.
enum Entry {
    Put(ApiKeyHash),
    Remove(ApiKeyHash),
}

#[async_trait]
impl Publishers for RedisStore {
    async fn add(&self, publisher: Publisher) -> Result<PublisherAdded, Unavailable> {
        let mut call = Call::new()
            .key(publishers_key(self))
            .key(names_key(self))
            .key(api_keys_key(self))
            .arg(*publisher.id.as_bytes())
            .arg(publisher.name.as_str())
            .arg(record::encode(&publisher).map_err(unreadable)?);
        for key in publisher.keys.iter().filter(|key| !key.revoked) {
            call = call.arg(*key.hash.as_bytes());
        }
        let is_added: bool = self.write(&ADD, call).await?;
        Ok(if is_added { PublisherAdded::Done } else { PublisherAdded::NameTaken })
    }

    async fn list(&self) -> Result<Vec<Publisher>, Unavailable> {
        let records: Vec<Vec<u8>> = self.run(&LIST, Call::new().key(publishers_key(self))).await?;
        let publishers =
            records.iter().map(|bytes| record::decode(bytes)).collect::<Result<Vec<Publisher>, _>>();
        let mut publishers = publishers.map_err(unreadable)?;
        publishers.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(publishers)
    }

    async fn add_key(&self, publisher: PublisherId, key: ApiKeyRecord) -> Result<KeyAdded, Unavailable> {
        for _ in 0..TRIES {
            let Some((seen, mut found)) = find(self, publisher).await? else {
                return Ok(KeyAdded::UnknownPublisher);
            };
            let hash = key.hash;
            found.keys.push(key.clone());
            if replace(self, seen, &found, Entry::Put(hash)).await? {
                return Ok(KeyAdded::Done);
            }
        }
        Err(Unavailable::because("a publisher kept changing"))
    }

    async fn revoke_key(&self, publisher: PublisherId, key: ApiKeyId) -> Result<KeyRevoked, Unavailable> {
        for _ in 0..TRIES {
            let Some((seen, mut found)) = find(self, publisher).await? else {
                return Ok(KeyRevoked::UnknownPublisher);
            };
            let Some(revoked) = found.keys.iter_mut().find(|other| other.id == key) else {
                return Ok(KeyRevoked::UnknownKey);
            };
            revoked.revoked = true;
            let hash = revoked.hash;
            if replace(self, seen, &found, Entry::Remove(hash)).await? {
                return Ok(KeyRevoked::Done);
            }
        }
        Err(Unavailable::because("a publisher kept changing"))
    }

    async fn by_api_key(&self, hash: ApiKeyHash) -> Result<Option<PublisherId>, Unavailable> {
        let call = Call::new().key(publishers_key(self)).key(api_keys_key(self)).arg(*hash.as_bytes());
        let found: Option<Vec<u8>> = self.run(&BY_API_KEY, call).await?;
        let publisher: Option<Publisher> =
            found.map(|bytes| record::decode(&bytes).map_err(unreadable)).transpose()?;
        Ok(publisher.filter(|publisher| publisher.is_shown_by(&hash)).map(|publisher| publisher.id))
    }
}

/// A publisher, and its record as it was read.
async fn find(store: &RedisStore, id: PublisherId) -> Result<Option<(Vec<u8>, Publisher)>, Unavailable> {
    let call = Call::new().key(publishers_key(store)).arg(*id.as_bytes());
    let found: Option<Vec<u8>> = store.run(&FIND, call).await?;
    let Some(bytes) = found else { return Ok(None) };
    let publisher = record::decode(&bytes).map_err(unreadable)?;
    Ok(Some((bytes, publisher)))
}

/// Whether a publisher is replaced: only if its record is still the one that was seen.
async fn replace(
    store: &RedisStore,
    seen: Vec<u8>,
    publisher: &Publisher,
    entry: Entry,
) -> Result<bool, Unavailable> {
    let (action, hash) = match entry {
        Entry::Put(hash) => ("put", hash),
        Entry::Remove(hash) => ("remove", hash),
    };
    let call = Call::new()
        .key(publishers_key(store))
        .key(api_keys_key(store))
        .arg(*publisher.id.as_bytes())
        .arg(seen)
        .arg(record::encode(publisher).map_err(unreadable)?)
        .arg(action)
        .arg(*hash.as_bytes());
    store.write(&REPLACE, call).await
}
