use std::sync::atomic::{AtomicU32, Ordering};

use rustix::process::{Signal, getpid, kill_process};

/// The environment variable that names the step, and with `:2` the second time that it is reached.
pub const CRASH_VARIABLE: &str = "FARTHING_TEST_CRASH_AT";

/// The durable step at which this process kills itself, as `kill -9` would: nothing is flushed, nothing is unwound.
#[derive(Debug)]
pub struct CrashPoint {
    step: Option<String>,
    left: AtomicU32,
}

impl CrashPoint {
    /// The step that the environment variable names; none when it is not set.
    pub fn from_environment() -> Self {
        let text = std::env::var(CRASH_VARIABLE).ok();
        let (step, times) = match text.as_deref().and_then(|text| text.rsplit_once(':')) {
            Some((step, times)) => (Some(step.to_owned()), times.parse().unwrap_or(1)),
            None => (text, 1),
        };
        Self { step, left: AtomicU32::new(times) }
    }

    /// Says that a step is reached; does not return from the one that was named.
    pub fn reached(&self, step: &str) {
        if self.step.as_deref() == Some(step) && self.left.fetch_sub(1, Ordering::SeqCst) == 1 {
            let _ = kill_process(getpid(), Signal::KILL);
            // The signal may take a moment to arrive on this thread.
            loop {
                std::thread::park();
            }
        }
    }
}
