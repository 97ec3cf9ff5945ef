//! The Redis store: one server (or Valkey) a service, spoken to in scripts.
//!
//! Every question is one script, so that it happens wholly or not at all, and every script first compares the birth
//! record: a server that was emptied or swapped answers nothing. Scripts are called by their digest, so that two
//! releases with different scripts run side by side. All keys of a service carry one hash tag. Each service puts its
//! own questions on top, one file a trait; docs/redis-keys.md lists every key.

mod check;
mod connection;
mod dump;
mod open_error;
mod pinned_keys;
mod script;
#[cfg(any(test, feature = "test-support"))]
pub mod test_server;

use std::sync::Arc;
use std::time::Duration;

use ::redis::{FromRedisValue, RedisError, Value};

pub use check::Durability;
pub use open_error::OpenError;
pub use script::{Call, Script};

use crate::birth::{Birth, ServiceKind};
use crate::environment::Environment;
use crate::record;
use crate::store_load::{Operation, StoreLoad};
use crate::unavailable::Unavailable;
use connection::Connection;

/// How a server is reached.
#[derive(Clone)]
pub struct Address {
    /// `redis://[user@]host[:port][/database]`, or `rediss://` for TLS. It holds no password.
    pub url: String,
    /// The password, if the server wants one.
    pub password: Option<Arc<zeroize::Zeroizing<String>>>,
}

/// A store on Redis. Clones share its connection.
#[derive(Clone)]
pub struct RedisStore {
    shared: Arc<Shared>,
}

struct Shared {
    connection: Connection,
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
    /// Writes the birth record into a server that has none.
    ///
    /// # Errors
    /// It has one, or is not fit for money.
    pub async fn create(
        address: &Address,
        birth: &Birth,
        durability: Durability,
        timeout: Duration,
    ) -> Result<(), OpenError> {
        let names = Names { service: birth.service };
        let failed = |error: RedisError| OpenError::unreachable(address, &error);
        let mut server = connection::connect(address, timeout).await?;
        check::check_durability(&mut server, address, durability).await?;
        let bytes = record::encode(birth).map_err(|error| OpenError::failed(address, &error))?;
        let written: Option<String> = ::redis::cmd("SET")
            .arg(names.birth())
            .arg(bytes)
            .arg("NX")
            .query_async(&mut server)
            .await
            .map_err(failed)?;
        if written.is_some() { Ok(()) } else { Err(OpenError::Exists(address.url.clone())) }
    }

    /// Opens the store of `service`; `timeout` is the longest that a question waits for its answer. Must be called
    /// within the Tokio runtime that outlives the store: its connections live there.
    ///
    /// # Errors
    /// The server is not there, has no birth record, or is not fit for money.
    pub async fn open(
        address: Address,
        service: ServiceKind,
        durability: Durability,
        timeout: Duration,
        environment: Environment,
    ) -> Result<Self, OpenError> {
        let names = Names { service };
        let mut server = connection::connect(&address, timeout).await?;
        check::check_durability(&mut server, &address, durability).await?;
        let birth_record = check::read_birth(&mut server, &address, &names.birth()).await?;
        let birth: Birth =
            record::decode(&birth_record).map_err(|error| OpenError::failed(&address, &error))?;
        let checks =
            check::Checks { durability, birth_key: names.birth(), birth_record: birth_record.clone() };
        let connection = Connection::new(address, timeout, checks, server);
        let load = StoreLoad::default();
        Ok(Self { shared: Arc::new(Shared { connection, names, birth, birth_record, environment, load }) })
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

    /// Runs a script, in which `KEYS[1]` and `ARGV[1]` are the birth record's and the call's own follow.
    ///
    /// # Errors
    /// The server did not answer in time, refused, or is not the one that was opened. The script may have run.
    pub async fn run<T: FromRedisValue>(&self, script: &Script, call: Call) -> Result<T, Unavailable> {
        self.ask(Operation::Read, script, call).await
    }

    async fn ask<T: FromRedisValue>(
        &self,
        operation: Operation,
        script: &Script,
        call: Call,
    ) -> Result<T, Unavailable> {
        let Shared { connection, names, birth_record, load, .. } = &*self.shared;
        let _asking = (load.ask(operation), load.queue());
        let invocation = script.invocation(&names.birth(), birth_record, call);
        let value: Value =
            connection.ask(|mut server| async move { invocation.invoke_async(&mut server).await }).await?;
        T::from_redis_value(value)
            .map_err(|_| Unavailable::because("a script answered something else than it should"))
    }

    /// Runs a script that writes, as a durable step: `store.commit.before` and `store.commit.after` around it.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub async fn write<T: FromRedisValue>(&self, script: &Script, call: Call) -> Result<T, Unavailable> {
        self.shared.environment.step("store.commit.before");
        let value = self.ask(Operation::Write, script, call).await?;
        self.shared.environment.step("store.commit.after");
        Ok(value)
    }
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
