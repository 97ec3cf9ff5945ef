use async_trait::async_trait;
use farthing_service::redis::{Call, RedisStore, Script};
use farthing_service::unavailable::Unavailable;
use farthing_service::{record, redis_script};

use super::unreadable;
use crate::publishers::{ApiKeyHash, Publisher, PublisherChange, PublisherId, PublisherName};
use crate::store::{PublisherAdded, PublisherChanged, Publishers};

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

#[async_trait]
impl Publishers for RedisStore {
    async fn add(&self, publisher: Publisher) -> Result<PublisherAdded, Unavailable> {
        let mut call = tables(self)
            .arg(*publisher.id.as_bytes())
            .arg(name_of(&publisher))
            .arg(record::encode(&publisher).map_err(unreadable)?);
        for key in publisher.keys_in_force() {
            call = call.arg(*key.hash.as_bytes());
        }
        let outcome: String = self.write(&ADD, call).await?;
        match outcome.as_str() {
            "done" => Ok(PublisherAdded::Done),
            "name-taken" => Ok(PublisherAdded::NameTaken),
            "id-taken" => Ok(PublisherAdded::IdTaken),
            "key-taken" => Ok(PublisherAdded::KeyTaken),
            _ => Err(Unavailable::because("a script answered something else than an outcome")),
        }
    }

    async fn list(&self) -> Result<Vec<Publisher>, Unavailable> {
        let records: Vec<Vec<u8>> = self.run(&LIST, Call::new().key(publishers_key(self))).await?;
        let publishers = records.iter().map(|bytes| record::decode(bytes)).collect::<Result<_, _>>();
        Ok(Publisher::in_order(publishers.map_err(unreadable)?))
    }

    async fn find(&self, publisher: PublisherId) -> Result<Option<Publisher>, Unavailable> {
        Ok(find(self, publisher).await?.map(|(_, publisher)| publisher))
    }

    async fn change(
        &self,
        publisher: PublisherId,
        change: PublisherChange,
    ) -> Result<PublisherChanged, Unavailable> {
        for _ in 0..TRIES {
            let Some((seen, old)) = find(self, publisher).await? else {
                return Ok(PublisherChanged::UnknownPublisher);
            };
            let new = match old.changed(&change) {
                Ok(new) => new,
                Err(why) => return Ok(PublisherChanged::Refused(why)),
            };
            let outcome: String = self.write(&REPLACE, replacing(self, seen, &old, &new)?).await?;
            match outcome.as_str() {
                "done" => return Ok(PublisherChanged::Done(new)),
                "name-taken" => return Ok(PublisherChanged::NameTaken),
                "key-taken" => return Ok(PublisherChanged::KeyTaken),
                // Somebody else changed it meanwhile.
                "changed" => {}
                _ => return Err(Unavailable::because("a script answered something else than an outcome")),
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

/// What replaces a publisher, if its record is still the one that was seen.
fn replacing(
    store: &RedisStore,
    seen: Vec<u8>,
    old: &Publisher,
    new: &Publisher,
) -> Result<Call, Unavailable> {
    let call = tables(store)
        .arg(*new.id.as_bytes())
        .arg(seen)
        .arg(record::encode(new).map_err(unreadable)?)
        .arg(name_of(old))
        .arg(name_of(new))
        .number(new.keys_in_force().count() as u64);
    let hashes = new.keys_in_force().chain(old.keys_in_force()).map(|key| *key.hash.as_bytes());
    Ok(hashes.fold(call, Call::arg))
}

/// The keys that publishers are in and found by.
fn tables(store: &RedisStore) -> Call {
    Call::new().key(publishers_key(store)).key(names_key(store)).key(api_keys_key(store))
}

/// What a publisher is called; empty, which no name is, if it was erased.
fn name_of(publisher: &Publisher) -> &str {
    publisher.name().map_or("", PublisherName::as_str)
}
