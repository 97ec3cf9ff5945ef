//! Leaving a store on Redis for another place while it goes on being used.
//!
//! Whoever moves it replaces the birth record and leaves a mark beside it (docs/redis-keys.md). Scripts that know the
//! earlier record find the mark: while the store is `moving` they log the names of keys that they write, once it is
//! `moved` they refuse. A release that knows no marks finds another record and refuses at once. Whoever moves it knows the
//! new record, so its own scripts neither log nor are refused; and when somebody else has replaced the record again, they
//! are.

use std::time::Duration;

use super::connection::{Reached, reach};
use super::group::Group;
use super::mark::{CHANGED, Found, MARK, Mark};
use super::{Call, Deployment, Names, OpenError, RedisStore, Script};
use crate::birth::{Birth, ServiceKind};
use crate::environment::Environment;
use crate::record;
use crate::redis_script;
use crate::unavailable::Unavailable;

static BEGIN: Script = redis_script!("scripts/move_begin.lua");
static CHANGES: Script = redis_script!("scripts/move_changes.lua");
static COUNT: Script = redis_script!("scripts/move_count.lua");
static END: Script = redis_script!("scripts/move_end.lua");
static RELEASE: Script = redis_script!("scripts/move_release.lua");

/// A store that is about to be left, or was.
pub struct Departure {
    deployment: Deployment,
    timeout: Duration,
    environment: Environment,
    /// As it was before.
    birth: Birth,
    mark: Option<Mark>,
    /// The store, known by the record that is there now.
    store: RedisStore,
}

impl Departure {
    /// Opens a store, whether it was left or not.
    ///
    /// # Errors
    /// As [`RedisStore::open`].
    pub async fn open(
        deployment: Deployment,
        service: ServiceKind,
        timeout: Duration,
        environment: Environment,
    ) -> Result<Self, OpenError> {
        let names = Names::new(service, 0);
        let Reached { mut link, address } = reach(&deployment, &names.birth(), timeout).await?;
        let found = Found::read(&mut link.server, &address, &names.birth()).await?;
        let birth = found.birth(&address)?;
        let Found { record, mark } = found;
        let opened = RedisStore::known_by(&deployment, &birth, record, timeout, environment.clone());
        let store = opened.await?;
        Ok(Self { deployment, timeout, environment, birth, mark, store })
    }

    /// The birth record as it was before.
    pub const fn birth(&self) -> &Birth {
        &self.birth
    }

    /// Where it is being moved to, and whether it was.
    pub fn going(&self) -> Option<(&str, bool)> {
        self.mark.as_ref().map(|mark| (mark.to.as_str(), mark.is_moved))
    }

    /// The store, for reading it whatever the mark says.
    pub fn store(&self) -> RedisStore {
        self.store.clone()
    }

    /// Marks the store as moving, if nobody else has meanwhile: from then on the names of keys of the tables `ahead` are
    /// logged when they are written, and nothing is dropped. One that was moved already stays so. An earlier command
    /// that moves it can do nothing more.
    ///
    /// # Errors
    /// Another command was faster, or the server or its replicas did not answer in time.
    pub async fn begin(&mut self, during: &Birth, ahead: &[&str]) -> Result<(), Unavailable> {
        let record = record::encode(during).map_err(Unavailable::because)?;
        let to = during.leaving.as_ref().map(|leaving| leaving.to.clone()).unwrap_or_default();
        let group = self.store.here()?;
        let before =
            self.mark.as_ref().map_or_else(|| group.birth_record.clone(), |mark| mark.before.clone());
        let is_moved = self.going().is_some_and(|(_, is_moved)| is_moved);
        let call = self
            .call()
            .arg(before.clone())
            .arg(record.clone())
            .arg(to.as_str())
            .arg(format!(":{}:", ahead.join(":")))
            .arg(if is_moved { "moved" } else { "moving" });
        self.store.write::<()>(&BEGIN, call).await?;
        self.mark = Some(Mark { before, is_moved, to });
        self.reopen(record).await
    }

    /// Knows the store by another record from now on.
    async fn reopen(&mut self, record: Vec<u8>) -> Result<(), Unavailable> {
        let environment = self.environment.clone();
        self.store =
            RedisStore::known_by(&self.deployment, &self.birth, record, self.timeout, environment).await?;
        Ok(())
    }

    /// Takes at most `most` names out of the log. What is under them must be read after this.
    ///
    /// # Errors
    /// Another command moves the store by now, or the server did not answer in time.
    pub async fn changes(&self, most: u64) -> Result<Vec<Vec<u8>>, Unavailable> {
        let prefix = self.store.key(&[]);
        let names: Vec<Vec<u8>> = self.store.write(&CHANGES, self.call().number(most)).await?;
        Ok(names.iter().filter_map(|name| name.strip_prefix(prefix.as_slice()).map(<[u8]>::to_vec)).collect())
    }

    /// How many names are in the log.
    ///
    /// # Errors
    /// As [`Self::changes`].
    pub async fn count(&self) -> Result<u64, Unavailable> {
        self.store.run(&COUNT, self.call()).await
    }

    /// Marks the store as moved: from then on nobody uses it, as the replicas know. It has yet another record then, so that
    /// what is read comes from a server that knows it too, and all that was written before.
    ///
    /// # Errors
    /// As [`Self::changes`]. It may have been marked.
    pub async fn end(&mut self, after: &Birth) -> Result<(), Unavailable> {
        let record = record::encode(after).map_err(Unavailable::because)?;
        self.store.write::<()>(&END, self.call().arg(record.clone())).await?;
        self.reopen(record).await
    }

    /// Takes the mark off: the store is used as before. Whoever moved it can do nothing more.
    ///
    /// # Errors
    /// As [`Self::changes`]. The mark may be gone.
    pub async fn release(&self) -> Result<(), Unavailable> {
        self.store.write(&RELEASE, self.call()).await
    }

    /// A call with the mark and the log.
    fn call(&self) -> Call {
        let birth = self.store.key(&[b"birth"]);
        let beside = |name: &str| [birth.as_slice(), name.as_bytes()].concat();
        Call::new().key(beside(MARK)).key(beside(CHANGED))
    }
}

impl RedisStore {
    /// Opens the first group of a store by the very record that is there now.
    async fn known_by(
        deployment: &Deployment,
        birth: &Birth,
        record: Vec<u8>,
        timeout: Duration,
        environment: Environment,
    ) -> Result<Self, OpenError> {
        let names = Names::new(birth.service, 0);
        let group = Group::known_by(deployment, names, names.birth(), record, timeout).await?;
        Ok(Self::of_groups(vec![group], birth.clone(), environment))
    }
}

#[cfg(test)]
#[path = "leaving_tests.rs"]
mod tests;
