use std::sync::Arc;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Tells the time, and lets it pass.
pub trait Clock: Send + Sync {
    /// Seconds since 1970-01-01T00:00:00Z.
    fn now(&self) -> u64;

    /// Waits so many seconds.
    fn wait(&self, seconds: u64) {
        thread::sleep(Duration::from_secs(seconds));
    }
}

/// The system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> u64 {
        // A clock set before 1970 reads as 1970: every key then lies in the future and nothing is bought.
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs())
    }
}

/// What [`crate::run`] takes from its surroundings, so that tests can set the time and stop it at any durable step.
#[derive(Clone)]
pub struct Environment {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Told of each durable step as it is reached, like `wallet.request.saved.before` and `wallet.request.saved`.
    pub steps: Arc<dyn Fn(&str) + Send + Sync>,
    /// log2 of the scrypt work for a new wallet file; `None` takes what lasts about a second on this machine.
    pub work_factor: Option<u8>,
}

impl Environment {
    /// The system's clock, no steps, and full work.
    pub fn production() -> Self {
        Self { clock: Arc::new(SystemClock), steps: Arc::new(|_| ()), work_factor: None }
    }

    /// Reports a step.
    pub fn step(&self, name: &str) {
        (self.steps)(name);
    }
}

impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Environment").field("now", &self.clock.now()).finish_non_exhaustive()
    }
}
