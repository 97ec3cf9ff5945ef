//! The Redis store (or Valkey), spoken to in scripts.
//!
//! Every question is one script, so that it happens wholly or not at all, and every script first compares the birth
//! record: a server that was emptied or swapped answers nothing. Scripts are called by their digest, so that two
//! releases with different scripts run side by side. All keys of a group carry one hash tag; there is one group unless
//! `store init` was told otherwise. Each service puts its own questions on top, one file a trait; docs/redis-keys.md lists
//! every key.

mod address;
mod check;
mod commits;
mod connection;
mod deployment;
mod dump;
mod group;
mod leaving;
mod mark;
mod new_store;
mod open_error;
mod pinned_keys;
mod rebuild;
mod script;
#[cfg(any(test, feature = "test-support"))]
pub mod test_server;
mod walk;
mod writes;

use std::sync::Arc;
use std::time::Duration;

/// What a script's answer is read as.
pub use ::redis::FromRedisValue;
use ::redis::{RedisError, Value};

pub use address::Address;
pub use check::Durability;
pub use deployment::{Deployment, Topology};
pub use leaving::Departure;
pub use new_store::{Abandoned, NewStore, Occupied};
pub use open_error::OpenError;
pub use rebuild::Rebuild;
pub use script::{Call, Script};
pub use walk::{Content, MembersOf, Walk};
pub use writes::{GroupWrites, Writes};

use crate::birth::{Birth, ServiceKind};
use crate::environment::Environment;
use crate::migration::moved_away;
use crate::store_load::{Operation, StoreLoad};
use crate::unavailable::Unavailable;
use group::{Group, Names};

/// A store on Redis, seen from one of its groups of keys: the first, unless [`in_group`](Self::in_group) says otherwise.
/// Clones share its connections.
#[derive(Clone)]
pub struct RedisStore {
    shared: Arc<Shared>,
    group: usize,
}

struct Shared {
    groups: Vec<Group>,
    birth: Birth,
    environment: Environment,
    load: StoreLoad,
}

impl RedisStore {
    /// Writes the birth record into each group of servers that have none, and into their replicas.
    ///
    /// # Errors
    /// They have one, or are not fit for money.
    pub async fn create(deployment: &Deployment, birth: &Birth, timeout: Duration) -> Result<(), OpenError> {
        new_store::create(deployment, birth, timeout).await
    }

    /// Opens the store of `service`; `timeout` is the longest that a question waits for its answer. Must be called
    /// within the Tokio runtime that outlives the store: its connections live there.
    ///
    /// # Errors
    /// The servers are not there, have no birth record, or are not fit for money.
    pub async fn open(
        deployment: Deployment,
        service: ServiceKind,
        timeout: Duration,
        environment: Environment,
    ) -> Result<Self, OpenError> {
        let (first, birth) = Group::open(&deployment, Names::new(service, 0), None, timeout).await?;
        let mut groups = vec![first];
        for number in 1..birth.groups {
            let names = Names::new(service, number);
            let (group, _) = Group::open(&deployment, names, Some(&birth), timeout).await?;
            groups.push(group);
        }
        Ok(Self::of_groups(groups, birth, environment))
    }

    fn of_groups(groups: Vec<Group>, birth: Birth, environment: Environment) -> Self {
        let shared = Shared { groups, birth, environment, load: StoreLoad::default() };
        Self { shared: Arc::new(shared), group: 0 }
    }

    /// The store as seen from another of its groups, counted from 0 and beginning anew after the last.
    #[must_use]
    pub fn in_group(&self, group: usize) -> Self {
        Self { shared: Arc::clone(&self.shared), group: group % self.shared.groups.len() }
    }

    /// The store as seen from each of its groups.
    pub fn groups(&self) -> impl DoubleEndedIterator<Item = Self> + ExactSizeIterator + use<> {
        let shared = Arc::clone(&self.shared);
        (0..self.shared.groups.len()).map(move |group| Self { shared: Arc::clone(&shared), group })
    }

    /// Which group it is seen from.
    pub const fn group(&self) -> usize {
        self.group
    }

    fn here(&self) -> Result<&Group, Unavailable> {
        self.shared
            .groups
            .get(self.group)
            .ok_or_else(|| Unavailable::because("there is no such group of keys"))
    }

    /// The record that `store init` wrote.
    pub fn birth(&self) -> &Birth {
        &self.shared.birth
    }

    /// How busy the store is.
    pub fn load(&self) -> &StoreLoad {
        &self.shared.load
    }

    /// Says that a durable step of several is reached.
    pub fn step(&self, name: &str) {
        self.shared.environment.step(name);
    }

    /// The name of a key in the group.
    pub fn key(&self, parts: &[&[u8]]) -> Vec<u8> {
        self.names().key(parts)
    }

    fn names(&self) -> Names {
        // There are at most 64 groups.
        Names::new(self.shared.birth.service, u8::try_from(self.group).unwrap_or(u8::MAX))
    }

    /// Runs a script that reads, in which `KEYS[1]` and `ARGV[1]` are the birth record's and the call's own follow.
    ///
    /// # Errors
    /// The server did not answer in time, refused, or is not the one that was opened.
    pub async fn run<T: FromRedisValue>(
        &self,
        script: &'static Script,
        call: Call,
    ) -> Result<T, Unavailable> {
        let Shared { load, .. } = &*self.shared;
        let _asking = (load.ask(Operation::Read), load.queue());
        decode(self.ask(script, call).await?)
    }

    /// Runs a script that reads what an answer will promise: where replicas must confirm writes, they have what was read.
    ///
    /// # Errors
    /// As [`Self::run`], or too few replicas confirmed in time.
    pub async fn confirm<T: FromRedisValue>(
        &self,
        script: &'static Script,
        call: Call,
    ) -> Result<T, Unavailable> {
        let Shared { load, .. } = &*self.shared;
        let _asking = (load.ask(Operation::Read), load.queue());
        decode(self.commit(script, call).await?)
    }

    /// Runs a script that writes, as a durable step: `store.commit.before` and `store.commit.after` around it.
    ///
    /// # Errors
    /// As [`Self::confirm`]. The script may have run.
    pub async fn write<T: FromRedisValue>(
        &self,
        script: &'static Script,
        call: Call,
    ) -> Result<T, Unavailable> {
        let Shared { load, environment, .. } = &*self.shared;
        environment.step("store.commit.before");
        let asking = (load.ask(Operation::Write), load.queue());
        let value = self.commit(script, call).await?;
        drop(asking);
        environment.step("store.commit.after");
        decode(value)
    }

    /// Has the servers write their append-only files anew, as what there is and not as how it came to be.
    ///
    /// # Errors
    /// One does not answer. A server that is at it already is no error.
    pub async fn rewrite_log(&self) -> Result<(), Unavailable> {
        for group in &self.shared.groups {
            let rewriting = group.connection.ask(|mut server| async move {
                match ::redis::cmd("BGREWRITEAOF").exec_async(&mut server).await {
                    // It says ERR when a rewrite is under way.
                    Err(error) if error.code() == Some("ERR") => Ok(()),
                    outcome => outcome,
                }
            });
            rewriting.await?;
        }
        Ok(())
    }

    async fn ask(&self, script: &'static Script, call: Call) -> Result<Value, Unavailable> {
        let Group { birth_key, birth_record, connection, .. } = self.here()?;
        let invocation = script.invocation(birth_key, birth_record, call);
        connection.ask(|mut server| async move { invocation.invoke_async(&mut server).await }).await
    }

    async fn commit(&self, script: &'static Script, call: Call) -> Result<Value, Unavailable> {
        let Group { birth_key, birth_record, commits, .. } = self.here()?;
        match commits {
            Some(commits) => commits.run(script.touching(birth_key, birth_record, call)).await,
            None => self.ask(script, call).await,
        }
    }
}

fn decode<T: FromRedisValue>(value: Value) -> Result<T, Unavailable> {
    T::from_redis_value(value)
        .map_err(|_| Unavailable::because("a script answered something else than it should"))
}

/// What our scripts' refusal of a record begins with that a later release wrote.
const NEWER_RECORD: &str = "VERSION";
/// What our scripts' refusal begins with once the store was moved; where it is now follows.
const MOVED: &str = "MIGRATED";

/// What our scripts' refusal begins with when two commands move a store at once.
const TAKEN: &str = "TAKEN";

/// Whether our own script has answered, as on a connection that is in order.
fn is_refusal(error: &RedisError) -> bool {
    matches!(error.code(), Some(NEWER_RECORD | MOVED))
}

/// The store does not do what it was asked to.
fn unavailable(error: &RedisError) -> Unavailable {
    if error.code() == Some(MOVED) {
        return Unavailable::moved(moved_away(error.detail().unwrap_or("another place")));
    }
    Unavailable::because(words(error))
}

/// Text for messages that holds nothing a request brought: what kind of error it is, and Redis's own code for it; or
/// what our scripts say of a newer record.
fn words(error: &RedisError) -> String {
    match error.code() {
        Some(NEWER_RECORD) => error.detail().unwrap_or("a later release wrote a record").to_owned(),
        Some(TAKEN) => error.detail().unwrap_or("another command moves the store").to_owned(),
        Some(code) => format!("{} ({code})", error.category()),
        None => error.category().to_owned(),
    }
}

#[cfg(test)]
mod tests;
