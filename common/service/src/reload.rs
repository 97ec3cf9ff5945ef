//! Reading the configuration again while the service runs: all of the file is put in force, or nothing.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use arc_swap::ArcSwap;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Mutex;

use crate::admin_socket;
use crate::config::{self, ConfigError, ConfigPath};
use crate::differences::Differences;
use crate::telemetry::{self, LevelSet, LogLevel};

/// A service's configuration, checked.
pub trait Configuration: fmt::Debug + Send + Sync + Sized + 'static {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// The first thing that is wrong, as one line.
    fn load(file: &Path) -> Result<Self, ConfigError>;

    /// The file that it was read from.
    fn file(&self) -> &Path;

    /// The keys that differ in `new`.
    fn differences(&self, new: &Self) -> Differences;

    /// What is logged.
    fn log_level(&self) -> LogLevel;
}

/// The configuration that a running service goes by, which [`reload`] replaces.
#[derive(Debug)]
pub struct InForce<C> {
    current: ArcSwap<C>,
    /// Held from reading to putting in force, so that an older reading never replaces a newer one.
    reloading: Mutex<()>,
}

impl<C> InForce<C> {
    /// The configuration that the service was started with.
    pub fn new(config: C) -> Self {
        Self { current: ArcSwap::from_pointee(config), reloading: Mutex::default() }
    }

    /// The configuration in force now. Whoever answers a request takes it once, so that the answer goes by one file.
    pub fn current(&self) -> Arc<C> {
        self.current.load_full()
    }
}

/// A running service whose configuration can be read again.
#[async_trait]
pub trait Reload: Send + Sync + 'static {
    /// Its configuration.
    type Configuration: Configuration;

    /// The configuration in force.
    fn in_force(&self) -> &InForce<Self::Configuration>;

    /// Makes the checks of the start that go beyond the file.
    ///
    /// # Errors
    /// Why `new` cannot be put in force.
    async fn prepare(&self, old: &Self::Configuration, new: &Arc<Self::Configuration>) -> anyhow::Result<()>;

    /// Hands `new` to those parts that keep numbers of their own.
    fn apply(&self, new: &Self::Configuration);
}

/// Reads the configuration of `service` again and puts it in force; what changed, one line an entry. Logs one line,
/// whatever comes of it.
///
/// # Errors
/// The file has a mistake, changes a key that needs a restart, or does not fit what the service has. The configuration
/// of before stays in force as it is.
pub async fn reload<S: Reload>(service: &S) -> anyhow::Result<Value> {
    let in_force = service.in_force();
    let _reloading = in_force.reloading.lock().await;
    let done = try_reload(service, in_force).await;
    if let Err(error) = &done {
        tracing::error!(cause = %format!("{error:#}"), "the configuration was not reloaded; the one before stays in force");
    }
    done.map(Value::from)
}

async fn try_reload<S: Reload>(
    service: &S,
    in_force: &InForce<S::Configuration>,
) -> anyhow::Result<Vec<String>> {
    let old = in_force.current();
    let file = old.file().to_owned();
    let new = tokio::task::spawn_blocking(move || S::Configuration::load(&file)).await??;
    let Differences { running, restart } = old.differences(&new);
    if !restart.is_empty() {
        return Err(NeedsRestart { file: old.file().to_owned(), keys: restart }.into());
    }
    if running.is_empty() {
        tracing::info!("the configuration was read again; nothing has changed");
        return Ok(vec!["nothing has changed".to_owned()]);
    }
    let new = Arc::new(new);
    let refused = || format!("{}: it cannot be put in force", old.file().display());
    service.prepare(&old, &new).await.with_context(refused)?;

    // From here on nothing fails.
    service.apply(&new);
    in_force.current.store(Arc::clone(&new));
    let keys = running.join(", ");
    let mut answer = vec![format!("changed: {keys}")];
    // The line is to be seen if either of the two levels shows it.
    let say = || tracing::info!(%keys, "configuration reloaded");
    let is_quieter = new.log_level() < old.log_level();
    if is_quieter {
        say();
    }
    if new.log_level() != old.log_level() && telemetry::set_level(new.log_level()) == LevelSet::Overruled {
        answer.push("log_level: RUST_LOG is set and keeps its place; restart without it".to_owned());
    }
    if !is_quieter {
        say();
    }
    Ok(answer)
}

/// Keys of the file that a running service cannot change.
#[derive(Debug, thiserror::Error)]
struct NeedsRestart {
    file: PathBuf,
    keys: Vec<String>,
}

impl fmt::Display for NeedsRestart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let them = if self.keys.len() == 1 { "it" } else { "them" };
        write!(
            f,
            "{}: {} cannot change while the service runs: restart it, or put {them} back",
            self.file.display(),
            self.keys.join(", ")
        )
    }
}

/// SIGHUP, which asks for a reload. Without it the signal ends the process.
#[derive(Debug)]
pub struct Hangups(Signal);

impl Hangups {
    /// Listens from now on. Call it within the Tokio runtime, before anything that takes time.
    ///
    /// # Errors
    /// The system refused.
    pub fn listen() -> io::Result<Self> {
        signal(SignalKind::hangup()).map(Self)
    }

    /// Reloads `service` at each signal, for ever. What comes of it is in the log.
    pub async fn reload(mut self, service: Arc<impl Reload>) {
        while self.0.recv().await.is_some() {
            let _ = reload(&*service).await;
        }
    }
}

/// The one key that a command needs of a file that may have mistakes elsewhere.
#[derive(Deserialize)]
struct SocketKey {
    admin_socket: ConfigPath,
}

/// Sends `command`, a reload, to the service whose configuration is `file`; its answer. Of the file only
/// `admin_socket` is read: what else is wrong there is for the service to say, which then also logs it.
///
/// # Errors
/// The service refused, or none runs; the message says so.
pub fn ask(file: &Path, command: &impl Serialize) -> anyhow::Result<Value> {
    let SocketKey { admin_socket } = config::load(file)?;
    let socket = admin_socket.resolve(config::base_directory(file));
    admin_socket::call(&socket, command)?.with_context(|| {
        format!(
            "{}: the service is not running, so there is nothing to reload; if it runs, put admin_socket back to \
             what it was started with",
            socket.display()
        )
    })
}

#[cfg(test)]
#[path = "reload_tests.rs"]
mod tests;
