//! One connection, shared by everything that asks, and replaced when it breaks.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ::redis::aio::MultiplexedConnection;
use ::redis::{AsyncConnectionConfig, Client, IntoConnectionInfo, RedisError};
use arc_swap::ArcSwapOption;
use tokio::runtime::Handle;
use tokio::sync::Mutex;

use super::check::Checks;
use super::{Address, NEWER_RECORD, OpenError, words};
use crate::unavailable::Unavailable;

/// After a failed attempt to connect, the next waits this long, doubled at each failure.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// The shared connection.
pub(super) struct Connection {
    address: Address,
    timeout: Duration,
    checks: Checks,
    runtime: Handle,
    current: ArcSwapOption<MultiplexedConnection>,
    attempts: Mutex<Attempts>,
}

/// How connecting went lately.
struct Attempts {
    next: Instant,
    pause: Duration,
    cause: String,
}

impl Connection {
    /// Takes over a connection that has passed its checks.
    pub(super) fn new(
        address: Address,
        timeout: Duration,
        checks: Checks,
        server: MultiplexedConnection,
    ) -> Self {
        Self {
            address,
            timeout,
            checks,
            runtime: Handle::current(),
            current: ArcSwapOption::from_pointee(server),
            attempts: Mutex::new(Attempts { next: Instant::now(), pause: FIRST_PAUSE, cause: String::new() }),
        }
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
            let server = self.server().await?;
            question((*server).clone()).await.map_err(|error| {
                // A script that found a newer record had found the birth record first.
                if error.code() != Some(NEWER_RECORD) {
                    self.drop_connection(&server);
                }
                Unavailable::because(words(&error))
            })
        };
        // The client has a time-out of its own for each command; this one covers connecting as well.
        tokio::time::timeout(self.timeout, asked)
            .await
            .unwrap_or_else(|_| Err(Unavailable::because("Redis did not answer in time")))
    }

    async fn server(&self) -> Result<Arc<MultiplexedConnection>, Unavailable> {
        if let Some(server) = self.current.load_full() {
            return Ok(server);
        }
        let mut attempts = self.attempts.lock().await;
        if let Some(server) = self.current.load_full() {
            return Ok(server);
        }
        if Instant::now() < attempts.next {
            return Err(Unavailable::because(&attempts.cause));
        }
        match self.connect().await {
            Ok(server) => {
                tracing::info!("connected to Redis again");
                attempts.pause = FIRST_PAUSE;
                let server = Arc::new(server);
                self.current.store(Some(Arc::clone(&server)));
                Ok(server)
            }
            Err(error) => {
                attempts.next = Instant::now() + attempts.pause;
                attempts.pause = (attempts.pause * 2).min(LONGEST_PAUSE);
                attempts.cause = error.to_string();
                Err(Unavailable::because(error))
            }
        }
    }

    /// Connects and checks. The connection's own task must not live on whichever runtime happens to ask.
    async fn connect(&self) -> Result<MultiplexedConnection, OpenError> {
        let (address, timeout) = (self.address.clone(), self.timeout);
        let connecting = self.runtime.spawn(async move { connect(&address, timeout).await });
        let mut server = connecting.await.map_err(|error| OpenError::failed(&self.address, &error))??;
        self.checks.check(&mut server, &self.address).await?;
        Ok(server)
    }

    fn drop_connection(&self, broken: &Arc<MultiplexedConnection>) {
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
    let info =
        address.url.as_str().into_connection_info().map_err(|_| {
            OpenError::Url("write redis://[user@]host[:port][/database], or rediss:// for TLS")
        })?;
    if info.redis_settings().password().is_some() {
        return Err(OpenError::Url(
            "it holds a password; put that into a file and write store.password = \"file:PATH\"",
        ));
    }
    let mut settings = info.redis_settings().clone();
    if let Some(password) = &address.password {
        settings = settings.set_password(password.as_str());
    }
    let client = Client::open(info.set_redis_settings(settings)).map_err(failed)?;
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(timeout))
        .set_response_timeout(Some(timeout));
    client.get_multiplexed_async_connection_with_config(&config).await.map_err(failed)
}
