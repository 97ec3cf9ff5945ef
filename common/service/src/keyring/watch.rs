use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use farthing_protocol::IssuerName;
use tokio::sync::Mutex;

use super::{Keyring, KeyringError, checks, directory};
use crate::birth::Birth;
use crate::environment::Environment;
use crate::metrics::{Alarm, Metrics};
use crate::pinned_keys::{PinOutcome, PinnedKeys};

/// Where a service's keyring comes from, and what it must agree with.
pub struct KeyringSource {
    /// The directory.
    pub directory: PathBuf,
    /// The issuer whose keys they must be.
    pub issuer_name: IssuerName,
    /// The birth of the store that the keys are used with.
    pub birth: Birth,
    /// The facts that the store has seen of each key.
    pub pins: Arc<dyn PinnedKeys>,
    /// The clock.
    pub environment: Environment,
}

/// The keyring in force, which changes while the service runs. Clones share it.
#[derive(Clone)]
pub struct KeyringWatch {
    source: Arc<KeyringSource>,
    current: Arc<ArcSwap<Keyring>>,
    /// Held from reading to putting in force, so that an older reading never replaces a newer one.
    reloading: Arc<Mutex<()>>,
}

impl KeyringWatch {
    /// Reads the keyring for the first time.
    ///
    /// # Errors
    /// It cannot be read or does not fit; the service must not start.
    pub async fn start(source: KeyringSource) -> Result<Self, KeyringError> {
        let keyring = source.read().await?;
        let current = Arc::new(ArcSwap::from_pointee(keyring));
        Ok(Self { source: Arc::new(source), current, reloading: Arc::default() })
    }

    /// The keys in force now.
    pub fn current(&self) -> Arc<Keyring> {
        self.current.load_full()
    }

    /// Reads the directory again and puts it in force.
    ///
    /// # Errors
    /// It cannot be read or does not fit; the keys in force stay, except those that were revoked meanwhile: a
    /// revocation holds whatever else is wrong.
    pub async fn reload(&self) -> Result<(), KeyringError> {
        let _reloading = self.reloading.lock().await;
        match self.source.read().await {
            Ok(keyring) => {
                self.current.store(Arc::new(keyring));
                Ok(())
            }
            Err(error) => {
                let revoked = directory::revoked_names(&self.source.directory).unwrap_or_default();
                if let Some(keyring) = self.current().with_revoked(&revoked) {
                    self.current.store(Arc::new(keyring));
                }
                Err(error)
            }
        }
    }

    /// Reloads for ever, `period` apart. A keyring that does not fit, or a store that does not answer, raises its alarm
    /// and is logged once.
    pub async fn poll(self, period: Duration, metrics: Arc<Metrics>) {
        let mut last_fault = None;
        loop {
            tokio::time::sleep(period).await;
            let error = self.reload().await.err();
            let is_store = matches!(error, Some(KeyringError::Store(_)));
            metrics.set_alarm(Alarm::STORE, is_store);
            metrics.set_alarm(Alarm::KEYRING, error.is_some() && !is_store);
            let fault = error.map(|error| error.to_string());
            match &fault {
                Some(line) if last_fault.as_ref() != Some(line) => {
                    tracing::error!(cause = %line, "the keyring was not reloaded; the keys read before stay in force");
                }
                None if last_fault.is_some() => tracing::info!("the keyring is in order again"),
                _ => {}
            }
            last_fault = fault;
        }
    }
}

impl KeyringSource {
    async fn read(&self) -> Result<Keyring, KeyringError> {
        let now = self.environment.now();
        let mut keyring = directory::read(&self.directory, now)?;
        let pinned = self.pins.pinned().await?;
        let to_pin = checks::check(&mut keyring, &self.issuer_name, &self.birth, &pinned, now)?;
        if to_pin.is_empty() {
            return Ok(keyring);
        }
        match self.pins.pin(to_pin).await? {
            PinOutcome::Pinned => Ok(keyring),
            PinOutcome::Conflict(pin) => Err(KeyringError::Changed(pin.name)),
        }
    }
}
