//! Where a service keeps its records: the table `store` of its configuration, and what is opened there.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use zeroize::Zeroizing;

use crate::backup::{BackupFile, Origin};
use crate::birth::{Birth, ServiceKind};
use crate::config::ConfigPath;
use crate::embedded::{self, EmbeddedStore};
use crate::environment::Environment;
use crate::redis::{self, Address, Deployment, Durability, RedisStore, Topology};
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
    /// Redis or Valkey, which several processes may share.
    Redis(RedisConfig),
}

/// The table `store` of kind `redis`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedisConfig {
    servers: Servers,
    password: Option<SecretRef>,
    weak_durability: bool,
    replicas: Option<u32>,
}

/// Where the servers are.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Servers {
    One { url: String },
    Sentinels { urls: Vec<String>, master: String, user: Option<String>, password: Option<SecretRef> },
    Cluster { urls: Vec<String> },
}

/// The keys of the table, of whichever kind. serde reads a tagged enum through a buffer, in which it loses the lines of
/// mistakes, so the kinds are told apart by hand.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StoreKeys {
    kind: StoreKind,
    path: Option<ConfigPath>,
    /// `redis://[user@]host[:port][/database]`, or `rediss://` for TLS.
    url: Option<String>,
    /// URLs of Sentinels.
    sentinels: Option<Vec<String>>,
    /// The Sentinels' name for the servers.
    master: Option<String>,
    /// The user at the servers that the Sentinels name.
    user: Option<String>,
    /// Where the password of the Sentinels is.
    sentinel_password: Option<SecretRef>,
    /// URLs of some nodes of a cluster.
    cluster: Option<Vec<String>>,
    /// Where the servers' password is.
    password: Option<SecretRef>,
    /// Whether the operator accepts to lose acknowledged writes.
    weak_durability: Option<bool>,
    /// How many replicas must confirm what is answered.
    replicas: Option<u32>,
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
            StoreKeys { kind: StoreKind::Embedded, path: None, .. } => {
                Err("the embedded store needs the key `path`; add the database file's")
            }
            StoreKeys {
                kind: StoreKind::Embedded,
                path: Some(path),
                url: None,
                sentinels: None,
                master: None,
                user: None,
                sentinel_password: None,
                cluster: None,
                password: None,
                weak_durability: None,
                replicas: None,
            } => Ok(Self::Embedded { path }),
            StoreKeys { kind: StoreKind::Embedded, .. } => {
                Err("the embedded store has the key `path` alone; remove the others")
            }
            StoreKeys { kind: StoreKind::Redis, path: Some(_), .. } => {
                Err("the Redis store has no key `path`; remove it")
            }
            StoreKeys { kind: StoreKind::Redis, .. } => redis(keys).map(Self::Redis),
        }
    }
}

fn redis(keys: StoreKeys) -> Result<RedisConfig, &'static str> {
    let StoreKeys {
        url,
        sentinels,
        master,
        user,
        sentinel_password,
        cluster,
        password,
        weak_durability,
        replicas,
        kind: _,
        path: _,
    } = keys;
    let of_sentinels = master.is_some() || user.is_some() || sentinel_password.is_some();
    let servers = match (url, sentinels, cluster) {
        (Some(_), None, None) | (None, None, Some(_)) if of_sentinels => {
            return Err(
                "`master`, `user` and `sentinel_password` belong to `sentinels`; remove them, or the others",
            );
        }
        (Some(url), None, None) => Servers::One { url },
        (None, None, Some(urls)) if !urls.is_empty() => Servers::Cluster { urls },
        (None, Some(urls), None) if !urls.is_empty() => {
            let master = master
                .ok_or("with `sentinels` the key `master` is needed, their name for the servers; add it")?;
            Servers::Sentinels { urls, master, user, password: sentinel_password }
        }
        (None, Some(_), None) | (None, None, Some(_)) => {
            return Err("it has an empty list; name some servers");
        }
        (None, None, None) => {
            return Err(
                "the Redis store needs the key `url`, such as \"redis://127.0.0.1:6379\", or `sentinels`, or `cluster`; add it",
            );
        }
        _ => return Err("it has more than one of `url`, `sentinels` and `cluster`; keep one"),
    };
    Ok(RedisConfig { servers, password, weak_durability: weak_durability.unwrap_or(false), replicas })
}

/// The table with its paths resolved.
#[derive(Debug, Clone)]
pub struct StoreSettings {
    pub(crate) config: StoreConfig,
    pub(crate) base: PathBuf,
    pub(crate) timeout: Duration,
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
    /// Only Redis has several servers for the groups.
    #[error("--groups: the embedded store is one; leave it out, or configure a Redis store")]
    Undivided,
    /// A store that is in use moves to Redis only.
    #[error(
        "--to: the configuration names an embedded store, and a store that is in use moves to Redis only; see \"Moving a store\" in docs/operating.md"
    )]
    NotRedis,
    /// The system gave none.
    #[error("the system gave no randomness for the store's id; try again")]
    NoRandomness,
    /// What an earlier release wrote could not be brought into today's form.
    #[error("the store cannot be brought into the form of this release: {0}; start the service again")]
    Unready(Unavailable),
    /// It cannot be left.
    #[error(transparent)]
    Held(Unavailable),
    /// A password cannot be read.
    #[error("store.{key}: {cause}")]
    Password {
        /// The key of the table.
        key: &'static str,
        /// What went wrong.
        cause: SecretError,
    },
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
            StoreConfig::Redis(_) => self.base.join(service.name()),
        };
        SecretRef::File(beside.with_extension(extension))
    }

    /// The store in words, for messages.
    pub fn describe(&self) -> String {
        match &self.config {
            StoreConfig::Embedded { path } => path.resolve(&self.base).display().to_string(),
            StoreConfig::Redis(config) => config.servers.describe(),
        }
    }

    /// Makes a new store with its birth record.
    ///
    /// # Errors
    /// There is one already, or it cannot be written.
    pub async fn create(&self, birth: &Birth) -> Result<(), StoreError> {
        match &self.config {
            StoreConfig::Embedded { .. } if birth.groups > 1 => Err(StoreError::Undivided),
            StoreConfig::Embedded { path } => Ok(EmbeddedStore::create(&path.resolve(&self.base), birth)?),
            StoreConfig::Redis(config) => {
                Ok(RedisStore::create(&self.deployment(config)?, birth, self.timeout).await?)
            }
        }
    }

    /// Makes a store from a backup where there is none; its gap is open. The store's birth record. On Redis it is divided
    /// into so many groups, or as the one that was backed up.
    ///
    /// # Errors
    /// There is a store already, it cannot be written, or the backup does not fit.
    pub async fn restore(
        &self,
        backup: BackupFile,
        groups: Option<u8>,
        environment: &Environment,
        mut in_embedded: impl embedded::Rebuild,
        in_redis: impl redis::Rebuild + Send + 'static,
    ) -> Result<Birth, StoreError> {
        let Origin { birth, taken } = backup.origin();
        let birth = birth.restored(*taken, environment.now()).map_err(|_| StoreError::NoRandomness)?;
        let divided = groups.unwrap_or(birth.groups);
        Ok(match &self.config {
            StoreConfig::Embedded { .. } if groups.is_some_and(|groups| groups > 1) => {
                return Err(StoreError::Undivided);
            }
            StoreConfig::Embedded { path } => {
                let birth = birth.with_groups(1);
                let path = path.resolve(&self.base);
                EmbeddedStore::restore(&path, &birth, &backup, &mut in_embedded)?;
                birth
            }
            StoreConfig::Redis(config) => {
                let (birth, deployment) = (birth.with_groups(divided), self.deployment(config)?);
                let (timeout, rebuild) = (self.timeout, Box::new(in_redis));
                RedisStore::restore(&deployment, &birth, timeout, backup, rebuild, environment.clone())
                    .await?;
                birth
            }
        })
    }

    /// Whether only one process can open the store.
    pub const fn is_embedded(&self) -> bool {
        matches!(self.config, StoreConfig::Embedded { .. })
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
            StoreConfig::Redis(_) => {
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
            StoreConfig::Redis(config) => {
                let opened = RedisStore::open(self.deployment(config)?, service, self.timeout, environment);
                Ok(OpenStore::Redis(opened.await?))
            }
        }
    }

    pub(crate) fn deployment(&self, config: &RedisConfig) -> Result<Deployment, StoreError> {
        let password = self.password("password", config.password.as_ref())?;
        let all = |urls: &[String], password: &Option<Password>| {
            urls.iter().map(|url| Address::new(url.as_str(), password.clone())).collect()
        };
        let topology = match &config.servers {
            Servers::One { url } => Topology::Standalone(Address::new(url.as_str(), password)),
            Servers::Cluster { urls } => Topology::Cluster { nodes: all(urls, &password) },
            Servers::Sentinels { urls, master, user, password: of_sentinels } => {
                let of_sentinels = self.password("sentinel_password", of_sentinels.as_ref())?;
                let scheme =
                    if urls.iter().any(|url| url.starts_with("rediss:")) { "rediss" } else { "redis" };
                let user = user.as_ref().map(|user| format!("{user}@")).unwrap_or_default();
                let servers = Address::new(format!("{scheme}://{user}{master}"), password);
                Topology::Sentinel { sentinels: all(urls, &of_sentinels), master: master.clone(), servers }
            }
        };
        let durability = if config.weak_durability { Durability::Weak } else { Durability::EachWrite };
        Ok(Deployment { topology, durability, replicas: config.replicas })
    }

    fn password(
        &self,
        key: &'static str,
        secret: Option<&SecretRef>,
    ) -> Result<Option<Password>, StoreError> {
        let text = secret.map(|secret| secret.read_text(&self.base)).transpose();
        Ok(text.map_err(|cause| StoreError::Password { key, cause })?.map(Arc::new))
    }
}

/// A password that is wiped when the last who needs it is gone.
type Password = Arc<Zeroizing<String>>;

impl Servers {
    fn describe(&self) -> String {
        match self {
            Self::One { url } => url.clone(),
            Self::Sentinels { urls, master, .. } => format!("{} ({master})", urls.join(", ")),
            Self::Cluster { urls } => urls.join(", "),
        }
    }
}
