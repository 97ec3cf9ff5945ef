//! One connection, shared by everything that asks, and replaced when it breaks or its server no longer takes the writes.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use ::redis::aio::MultiplexedConnection;
use ::redis::{AsyncConnectionConfig, Client, RedisError, Value};
use arc_swap::ArcSwapOption;
use tokio::runtime::Handle;
use tokio::sync::Mutex;

use super::check::{Checks, check_durability, check_replicas_stay};
use super::{Address, Deployment, Durability, OpenError, Topology, is_refusal, unavailable};
use crate::unavailable::Unavailable;

/// After a failed attempt to connect, the next waits this long, doubled at each failure.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// Where another server may take over, the one that is asked is asked this often whether it still takes the writes.
const ROLE_CHECKED_EVERY: Duration = Duration::from_secs(2);

/// Seconds: longer than whoever sets it on a key takes to remove it again.
const AN_HOUR: u32 = 3_600;

/// Finds the server that takes the writes, and connects to it.
pub(super) struct Seeker {
    deployment: Deployment,
    timeout: Duration,
    /// The key that tells where in a cluster.
    key: Vec<u8>,
    checks: Checks,
    runtime: Handle,
    /// The most replicas that were ever known: one that failed is still asked for.
    most_replicas: AtomicU32,
}

/// A connection to the server that takes the writes.
pub(super) struct Link {
    pub(super) server: MultiplexedConnection,
    /// How many replicas must confirm a write, by what was known when it was made.
    pub(super) replicas: u32,
    /// Whether the server can wait for its replicas' disks.
    pub(super) has_waitaof: bool,
    /// Whether it puts each write on its own disk.
    pub(super) syncs_each_write: bool,
}

impl Seeker {
    pub(super) fn new(deployment: Deployment, timeout: Duration, key: Vec<u8>, checks: Checks) -> Self {
        Self {
            deployment,
            timeout,
            key,
            checks,
            runtime: Handle::current(),
            most_replicas: AtomicU32::new(0),
        }
    }

    pub(super) fn describe(&self) -> String {
        self.deployment.topology.describe()
    }

    /// Connects and checks. The connection's own task must not live on whichever runtime happens to ask.
    pub(super) async fn connect(&self) -> Result<Link, OpenError> {
        let (deployment, key, timeout) = (self.deployment.clone(), self.key.clone(), self.timeout);
        let reaching = self.runtime.spawn(async move { reach(&deployment, &key, timeout).await });
        let Reached { mut link, address } = reaching
            .await
            .map_err(|error| OpenError::Failed { url: self.describe(), cause: error.to_string() })??;
        self.checks.check(&mut link.server, &address).await?;
        self.most_replicas.fetch_max(link.replicas, Ordering::Relaxed);
        Ok(link)
    }

    /// How many replicas must confirm what is written over a link.
    pub(super) fn wanted(&self, link: &Link) -> u32 {
        match self.deployment.replicas {
            Some(replicas) => replicas,
            None => link.replicas.max(self.most_replicas.load(Ordering::Relaxed)),
        }
    }

    /// How many replicas must confirm, by all that is known.
    fn wanted_now(&self) -> u32 {
        self.deployment.replicas.unwrap_or_else(|| self.most_replicas.load(Ordering::Relaxed))
    }

    /// Whether the replicas that must confirm are those that are known, whose number can grow.
    pub(super) const fn counts_replicas(&self) -> bool {
        self.deployment.replicas.is_none() && self.deployment.topology.may_move()
    }

    /// Counts the replicas anew: one that has joined may be promoted, and so must confirm from now on. Whoever knows may
    /// be away; then the next time tells.
    pub(super) async fn count_replicas(&self) {
        if let Ok(located) = self.deployment.topology.locate(&self.key, self.timeout).await {
            self.most_replicas.fetch_max(located.replicas, Ordering::Relaxed);
        }
    }
}

/// A server that was found, before anything is asked about the store in it.
pub(super) struct Reached {
    pub(super) link: Link,
    pub(super) address: Address,
}

/// Finds the server that takes the writes of `key`, and looks whether it is fit for money.
pub(super) async fn reach(
    deployment: &Deployment,
    key: &[u8],
    timeout: Duration,
) -> Result<Reached, OpenError> {
    // Finding is only the first of what must be done in time.
    let located = deployment.topology.locate(key, timeout / 3).await?;
    let address = located.address;
    let mut server = connect(&address, timeout).await?;
    let connected = takes_writes(&mut server)
        .await
        .map_err(|error| OpenError::unreachable(&address, &error))?
        .ok_or_else(|| OpenError::Replica(address.describe()))?;
    check_durability(&mut server, &address, deployment.durability).await?;
    let replicas = deployment.replicas.unwrap_or(located.replicas);
    if deployment.replicas.is_none() {
        if deployment.topology.may_move() && replicas == 0 {
            return Err(OpenError::NoReplicas(address.describe()));
        }
        if connected > 0 && replicas == 0 {
            return Err(OpenError::ReplicasUnsaid { url: address.describe(), connected });
        }
        if matches!(deployment.topology, Topology::Cluster { .. }) {
            check_replicas_stay(&mut server, &address).await?;
        }
    }
    let mut has_waitaof = false;
    if replicas > 0 {
        let known: Vec<Value> = ::redis::cmd("COMMAND")
            .arg("INFO")
            .arg("WAITAOF")
            .query_async(&mut server)
            .await
            .map_err(|error| OpenError::unreachable(&address, &error))?;
        has_waitaof = deployment.durability == Durability::EachWrite
            && known.first().is_some_and(|found| !matches!(found, Value::Nil));
    }
    let syncs_each_write = deployment.durability == Durability::EachWrite;
    Ok(Reached { link: Link { server, replicas, has_waitaof, syncs_each_write }, address })
}

/// How many replicas are connected to a server that takes writes; nothing if it is a replica itself.
async fn takes_writes(server: &mut MultiplexedConnection) -> Result<Option<usize>, RedisError> {
    let role: Vec<Value> = ::redis::cmd("ROLE").query_async(server).await?;
    Ok(match role.as_slice() {
        [Value::BulkString(name), _, Value::Array(replicas)] if name == b"master" => Some(replicas.len()),
        _ => None,
    })
}

/// When connecting is tried again.
pub(super) struct Backoff {
    next: Instant,
    pause: Duration,
    cause: Unavailable,
}

impl Backoff {
    pub(super) fn new() -> Self {
        Self { next: Instant::now(), pause: FIRST_PAUSE, cause: Unavailable::because("") }
    }

    /// Whether it may be tried now.
    pub(super) fn check(&self) -> Result<(), Unavailable> {
        if Instant::now() < self.next { Err(self.cause.clone()) } else { Ok(()) }
    }

    /// Takes note of how it went.
    pub(super) fn note<T>(&mut self, outcome: Result<T, OpenError>) -> Result<T, Unavailable> {
        let outcome = outcome.map_err(Unavailable::from);
        match &outcome {
            Ok(_) => self.pause = FIRST_PAUSE,
            Err(cause) => {
                self.next = Instant::now() + self.pause;
                self.pause = (self.pause * 2).min(LONGEST_PAUSE);
                self.cause = cause.clone();
            }
        }
        outcome
    }
}

/// The shared connection.
pub(super) struct Connection {
    seeker: Arc<Seeker>,
    current: ArcSwapOption<Current>,
    backoff: Mutex<Backoff>,
    /// Of one that is not replaced: whether it was made.
    steady: Option<AtomicBool>,
}

struct Current {
    server: MultiplexedConnection,
    role: Mutex<Instant>,
}

impl Current {
    fn new(server: MultiplexedConnection) -> Self {
        Self { server, role: Mutex::new(Instant::now()) }
    }
}

impl Connection {
    /// Takes over a connection that has passed its checks.
    pub(super) fn new(seeker: Arc<Seeker>, server: MultiplexedConnection) -> Self {
        Self {
            seeker,
            current: ArcSwapOption::from_pointee(Current::new(server)),
            backoff: Mutex::new(Backoff::new()),
            steady: None,
        }
    }

    /// Another one, which is not replaced: when it is lost, or its server takes no writes any more, that is its end.
    pub(super) fn steady(&self) -> Self {
        Self {
            seeker: Arc::clone(&self.seeker),
            current: ArcSwapOption::empty(),
            backoff: Mutex::new(Backoff::new()),
            steady: Some(AtomicBool::new(false)),
        }
    }

    /// Whether it is not replaced.
    pub(super) const fn is_steady(&self) -> bool {
        self.steady.is_some()
    }

    /// Makes sure that the server still has the replicas that must confirm: a server that was replaced without hearing of
    /// it has lost them. To be asked of a connection that nobody else needs meanwhile.
    pub(super) async fn check_followed(&self, confirmed_key: &[u8]) -> Result<(), Unavailable> {
        let wanted = self.seeker.wanted_now();
        let patience = u64::try_from((self.seeker.timeout / 2).as_millis()).unwrap_or(u64::MAX).max(1);
        let mut asked = ::redis::pipe();
        // WAIT speaks of writes, so there must be one; these a full server takes as well, and they change nothing in the end.
        asked
            .cmd("EXPIRE")
            .arg(confirmed_key)
            .arg(AN_HOUR)
            .ignore()
            .cmd("PERSIST")
            .arg(confirmed_key)
            .ignore();
        asked.cmd("WAIT").arg(wanted).arg(patience);
        let (confirmed,): (u32,) =
            self.ask(|mut server| async move { asked.query_async(&mut server).await }).await?;
        if confirmed < wanted {
            return Err(Unavailable::because(format!(
                "{confirmed} of {wanted} replicas follow the server that was read, so it may have been replaced: bring them \
                 back, or set store.replicas lower"
            )));
        }
        Ok(())
    }

    /// Asks once. A connection on which something went wrong is not used again: whether its server is still the one
    /// that was checked is then no longer known.
    pub(super) async fn ask<T, F>(
        &self,
        question: impl FnOnce(MultiplexedConnection) -> F,
    ) -> Result<T, Unavailable>
    where
        F: Future<Output = Result<T, RedisError>>,
    {
        let asked = async {
            let current = self.connected().await?;
            question(current.server.clone()).await.map_err(|error| {
                // A script that refused what it found had found the birth record first.
                if !is_refusal(&error) {
                    self.drop_connection(&current);
                }
                unavailable(&error)
            })
        };
        // The client has a time-out of its own for each command; this one covers connecting as well.
        tokio::time::timeout(self.seeker.timeout, asked)
            .await
            .unwrap_or_else(|_| Err(Unavailable::because("Redis did not answer in time")))
    }

    async fn connected(&self) -> Result<Arc<Current>, Unavailable> {
        if let Some(current) = self.current.load_full()
            && self.still_takes_writes(&current).await
        {
            return Ok(current);
        }
        let mut backoff = self.backoff.lock().await;
        if let Some(current) = self.current.load_full() {
            return Ok(current);
        }
        if self.steady.as_ref().is_some_and(|was_made| was_made.load(Ordering::Relaxed)) {
            return Err(Unavailable::because(
                "the connection to Redis was lost, or its server replaced, while the store was read through: begin again",
            ));
        }
        backoff.check()?;
        let link = backoff.note(self.seeker.connect().await)?;
        if let Some(was_made) = &self.steady {
            was_made.store(true, Ordering::Relaxed);
        } else {
            tracing::info!("connected to Redis again");
        }
        let current = Arc::new(Current::new(link.server));
        self.current.store(Some(Arc::clone(&current)));
        Ok(current)
    }

    /// A server that was replaced while it was away answers on as if nothing had happened, with what it had then.
    async fn still_takes_writes(&self, current: &Arc<Current>) -> bool {
        if !self.seeker.deployment.topology.may_move() {
            return true;
        }
        let mut checked = current.role.lock().await;
        if checked.elapsed() < ROLE_CHECKED_EVERY {
            return true;
        }
        let takes = takes_writes(&mut current.server.clone()).await.is_ok_and(|replicas| replicas.is_some());
        if takes {
            *checked = Instant::now();
        } else {
            self.drop_connection(current);
        }
        takes
    }

    fn drop_connection(&self, broken: &Arc<Current>) {
        let current = self.current.load_full();
        if current.is_some_and(|current| Arc::ptr_eq(&current, broken)) {
            self.current.store(None);
        }
    }
}

/// Connects without checking anything.
pub(super) async fn connect(
    address: &Address,
    timeout: Duration,
) -> Result<MultiplexedConnection, OpenError> {
    let failed = |error: RedisError| OpenError::unreachable(address, &error);
    let client = Client::open(address.info()?).map_err(failed)?;
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(timeout))
        .set_response_timeout(Some(timeout));
    client.get_multiplexed_async_connection_with_config(&config).await.map_err(failed)
}
