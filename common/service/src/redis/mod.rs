//! The Redis store: one server (or Valkey) a service, spoken to in scripts.
//!
//! Every question is one script, so that it happens wholly or not at all, and every script first compares the birth
//! record: a server that was emptied or swapped answers nothing. Scripts are called by their digest, so that two
//! releases with different scripts run side by side. All keys of a service carry one hash tag. Each service puts its
//! own questions on top, one file a trait; docs/redis-keys.md lists every key.

mod address;
mod check;
mod commits;
mod connection;
mod deployment;
mod dump;
mod open_error;
mod pinned_keys;
mod rebuild;
mod script;
#[cfg(any(test, feature = "test-support"))]
pub mod test_server;
mod walk;

use std::sync::Arc;
use std::time::Duration;

use ::redis::{FromRedisValue, RedisError, Value};

pub use address::Address;
pub use check::Durability;
pub use deployment::{Deployment, Topology};
pub use open_error::OpenError;
pub use rebuild::{Rebuild, Writes};
pub use script::{Call, Script};
pub use walk::{Content, MembersOf};

use crate::birth::{Birth, ServiceKind};
use crate::environment::Environment;
use crate::record;
use crate::store_load::{Operation, StoreLoad};
use crate::unavailable::Unavailable;
use commits::Commits;
use connection::{Connection, Seeker};

/// A store on Redis. Clones share its connection.
#[derive(Clone)]
pub struct RedisStore {
    shared: Arc<Shared>,
}

struct Shared {
    connection: Connection,
    /// Where replicas must confirm.
    commits: Option<Commits>,
    names: Names,
    birth: Birth,
    birth_record: Vec<u8>,
    environment: Environment,
    load: StoreLoad,
}

/// Makes the names of keys: `{farthing-issuer}:orders:...`. The braces are Redis's hash tag.
#[derive(Debug, Clone, Copy)]
struct Names {
    service: ServiceKind,
}

impl Names {
    fn prefix(self) -> String {
        format!("{{farthing-{}}}:", self.service.name())
    }

    fn key(self, parts: &[&[u8]]) -> Vec<u8> {
        let mut key = self.prefix().into_bytes();
        key.extend(parts.concat());
        key
    }

    fn birth(self) -> Vec<u8> {
        self.key(&[b"birth"])
    }
}

impl RedisStore {
    /// Writes the birth record into a server that has none, and into its replicas.
    ///
    /// # Errors
    /// It has one, or is not fit for money.
    pub async fn create(deployment: &Deployment, birth: &Birth, timeout: Duration) -> Result<(), OpenError> {
        let names = Names { service: birth.service };
        let connection::Reached { mut link, address } =
            connection::reach(deployment, &names.birth(), timeout).await?;
        let failed = |error: RedisError| OpenError::unreachable(&address, &error);
        rebuild::check_no_half_store(&mut link.server, names, &address).await?;
        let bytes = record::encode(birth).map_err(|error| OpenError::failed(&address, &error))?;
        let written: Option<String> = ::redis::cmd("SET")
            .arg(names.birth())
            .arg(bytes)
            .arg("NX")
            .query_async(&mut link.server)
            .await
            .map_err(failed)?;
        if written.is_none() {
            return Err(OpenError::Exists(address.describe()));
        }
        rebuild::confirm_by_replicas(&mut link, &address, timeout).await
    }

    /// Opens the store of `service`; `timeout` is the longest that a question waits for its answer. Must be called
    /// within the Tokio runtime that outlives the store: its connections live there.
    ///
    /// # Errors
    /// The server is not there, has no birth record, or is not fit for money.
    pub async fn open(
        deployment: Deployment,
        service: ServiceKind,
        timeout: Duration,
        environment: Environment,
    ) -> Result<Self, OpenError> {
        let names = Names { service };
        let connection::Reached { mut link, address } =
            connection::reach(&deployment, &names.birth(), timeout).await?;
        let birth_record = check::read_birth(&mut link.server, &address, &names.birth()).await?;
        let birth: Birth =
            record::decode(&birth_record).map_err(|error| OpenError::failed(&address, &error))?;
        let checks = check::Checks { birth_key: names.birth(), birth_record: birth_record.clone() };
        let seeker = Arc::new(Seeker::new(deployment, timeout, names.birth(), checks));
        let commits = (link.replicas > 0).then(|| Commits::start(Arc::clone(&seeker), timeout));
        let connection = Connection::new(seeker, link.server);
        let load = StoreLoad::default();
        let shared = Shared { connection, commits, names, birth, birth_record, environment, load };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// The record that `store init` wrote.
    pub fn birth(&self) -> &Birth {
        &self.shared.birth
    }

    /// How busy the store is.
    pub fn load(&self) -> &StoreLoad {
        &self.shared.load
    }

    /// The name of a key.
    pub fn key(&self, parts: &[&[u8]]) -> Vec<u8> {
        self.shared.names.key(parts)
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

    async fn ask(&self, script: &'static Script, call: Call) -> Result<Value, Unavailable> {
        let Shared { connection, names, birth_record, .. } = &*self.shared;
        let invocation = script.invocation(&names.birth(), birth_record, call);
        connection.ask(|mut server| async move { invocation.invoke_async(&mut server).await }).await
    }

    async fn commit(&self, script: &'static Script, call: Call) -> Result<Value, Unavailable> {
        let Shared { commits, names, birth_record, .. } = &*self.shared;
        match commits {
            Some(commits) => commits.run(script.touching(&names.birth(), birth_record, call)).await,
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

/// Text for messages that holds nothing a request brought: what kind of error it is, and Redis's own code for it; or
/// what our scripts say of a newer record.
fn words(error: &RedisError) -> String {
    match error.code() {
        Some(NEWER_RECORD) => error.detail().unwrap_or("a later release wrote a record").to_owned(),
        Some(code) => format!("{} ({code})", error.category()),
        None => error.category().to_owned(),
    }
}

#[cfg(test)]
mod tests;
