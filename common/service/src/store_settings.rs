//! Where a service keeps its records: the table `store` of its configuration, and what is opened there.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

use crate::birth::{Birth, ServiceKind};
use crate::config::ConfigPath;
use crate::embedded::{self, EmbeddedStore};
use crate::environment::Environment;
use crate::redis::{self, Address, Durability, RedisStore};
use crate::secret_ref::{SecretError, SecretRef};
use crate::unavailable::Unavailable;

/// The table `store`, told apart by `kind`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "StoreKeys")]
pub enum StoreConfig {
    /// A database in one file, owned by one process.
    Embedded {
        /// The database file.
        path: ConfigPath,
    },
    /// A Redis or Valkey server, which several processes may share.
    Redis {
        /// `redis://[user@]host[:port][/database]`, or `rediss://` for TLS.
        url: String,
        /// Where its password is.
        password: Option<SecretRef>,
        /// Whether the operator accepts to lose acknowledged writes.
        weak_durability: bool,
    },
}

/// The keys of the table, of whichever kind. serde reads a tagged enum through a buffer, in which it loses the lines of
/// mistakes, so the kinds are told apart by hand.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StoreKeys {
    kind: StoreKind,
    path: Option<ConfigPath>,
    url: Option<String>,
    password: Option<SecretRef>,
    weak_durability: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum StoreKind {
    Embedded,
    Redis,
}

impl TryFrom<StoreKeys> for StoreConfig {
    type Error = &'static str;

    fn try_from(keys: StoreKeys) -> Result<Self, Self::Error> {
        match keys {
            StoreKeys {
                kind: StoreKind::Embedded,
                path: Some(path),
                url: None,
                password: None,
                weak_durability: None,
            } => Ok(Self::Embedded { path }),
            StoreKeys { kind: StoreKind::Embedded, path: None, .. } => {
                Err("the embedded store needs the key `path`; add the database file's")
            }
            StoreKeys { kind: StoreKind::Embedded, .. } => {
                Err("the embedded store has the key `path` alone; remove the others")
            }
            StoreKeys { kind: StoreKind::Redis, path: None, url: Some(url), password, weak_durability } => {
                Ok(Self::Redis { url, password, weak_durability: weak_durability.unwrap_or(false) })
            }
            StoreKeys { kind: StoreKind::Redis, url: None, .. } => {
                Err("the Redis store needs the key `url`, such as \"redis://127.0.0.1:6379\"; add it")
            }
            StoreKeys { kind: StoreKind::Redis, .. } => Err("the Redis store has no key `path`; remove it"),
        }
    }
}

/// The table with its paths resolved.
#[derive(Debug, Clone)]
pub struct StoreSettings {
    config: StoreConfig,
    base: PathBuf,
    timeout: Duration,
}

/// A store of whichever kind, open.
pub enum OpenStore {
    /// See [`crate::embedded`].
    Embedded(EmbeddedStore),
    /// See [`crate::redis`].
    Redis(RedisStore),
}

/// Why a store was not made or opened.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The embedded store was not made.
    #[error(transparent)]
    Create(#[from] embedded::CreateError),
    /// The embedded store was not opened.
    #[error(transparent)]
    Embedded(#[from] embedded::OpenError),
    /// The Redis store was not made or opened.
    #[error(transparent)]
    Redis(#[from] redis::OpenError),
    /// What an earlier release wrote could not be brought into today's form.
    #[error("the store cannot be brought into the form of this release: {0}; start the service again")]
    Unready(Unavailable),
    /// The password cannot be read.
    #[error("store.password: {0}")]
    Password(#[from] SecretError),
}

impl StoreSettings {
    /// Settings whose relative paths begin at `base`; no question waits longer than `timeout` for its answer.
    pub fn new(config: StoreConfig, base: &Path, timeout: Duration) -> Self {
        Self { config, base: base.to_owned(), timeout }
    }

    /// Where a secret of the service lies unless the configuration says otherwise: beside the database file, or, when
    /// there is none, beside the configuration.
    pub fn secret(&self, service: ServiceKind, extension: &str) -> SecretRef {
        let beside = match &self.config {
            StoreConfig::Embedded { path } => path.resolve(&self.base),
            StoreConfig::Redis { .. } => self.base.join(service.name()),
        };
        SecretRef::File(beside.with_extension(extension))
    }

    /// The store in words, for messages.
    pub fn describe(&self) -> String {
        match &self.config {
            StoreConfig::Embedded { path } => path.resolve(&self.base).display().to_string(),
            StoreConfig::Redis { url, .. } => url.clone(),
        }
    }

    /// Makes a new store with its birth record.
    ///
    /// # Errors
    /// There is one already, or it cannot be written.
    pub async fn create(&self, birth: &Birth) -> Result<(), StoreError> {
        match &self.config {
            StoreConfig::Embedded { path } => Ok(EmbeddedStore::create(&path.resolve(&self.base), birth)?),
            StoreConfig::Redis { url, password, weak_durability } => {
                let address = self.address(url, password.as_ref())?;
                Ok(RedisStore::create(&address, birth, durability(*weak_durability), self.timeout).await?)
            }
        }
    }

    /// Looks whether a store was made, without opening it: a running service may have it open.
    ///
    /// # Errors
    /// There is none, or it cannot be asked.
    pub async fn check_made(&self, service: ServiceKind) -> Result<(), StoreError> {
        match &self.config {
            StoreConfig::Embedded { path } => {
                let path = path.resolve(&self.base);
                if path.exists() {
                    return Ok(());
                }
                Err(embedded::OpenError::Missing { path, service: service.name() }.into())
            }
            StoreConfig::Redis { .. } => {
                self.open(service, Environment::production()).await?;
                Ok(())
            }
        }
    }

    /// Opens the store of `service`. Call it within the Tokio runtime that outlives the store.
    ///
    /// # Errors
    /// It is not there, not ours, or in use.
    pub async fn open(
        &self,
        service: ServiceKind,
        environment: Environment,
    ) -> Result<OpenStore, StoreError> {
        match &self.config {
            StoreConfig::Embedded { path } => {
                let path = path.resolve(&self.base);
                Ok(OpenStore::Embedded(EmbeddedStore::open(&path, service, self.timeout, environment)?))
            }
            StoreConfig::Redis { url, password, weak_durability } => {
                let address = self.address(url, password.as_ref())?;
                let durability = durability(*weak_durability);
                let opened = RedisStore::open(address, service, durability, self.timeout, environment);
                Ok(OpenStore::Redis(opened.await?))
            }
        }
    }

    fn address(&self, url: &str, password: Option<&SecretRef>) -> Result<Address, StoreError> {
        let password = password.map(|secret| secret.read_text(&self.base)).transpose()?.map(Arc::new);
        Ok(Address { url: url.to_owned(), password })
    }
}

const fn durability(weak: bool) -> Durability {
    if weak { Durability::Weak } else { Durability::EachWrite }
}
