use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Whether receipts are kept: what the log says of it once, and the alarm as long as it lasts. A disk that is mended is
/// well again; a receipt that is missing for good stays known for a while, however well everything goes since.
pub(super) struct Health {
    state: Mutex<State>,
    /// How long a missing receipt is known.
    memory: Duration,
    told: Box<dyn Fn(bool) + Send + Sync>,
}

#[derive(Default)]
struct State {
    /// The disk did not answer in time, and has not answered since.
    hangs: bool,
    /// What it said when it last answered, if that was a fault.
    fault: Option<String>,
    /// Why receipts are missing for good, and when each cause was last met.
    missing: BTreeMap<&'static str, Instant>,
}

impl State {
    fn is_well(&self) -> bool {
        !self.hangs && self.fault.is_none() && self.missing.is_empty()
    }
}

impl Health {
    /// All is well, as far as is known. `told` is called with whether it is, whenever there is something to say; missing
    /// receipts are known for so long.
    pub(super) fn new(memory: Duration, told: impl Fn(bool) + Send + Sync + 'static) -> Self {
        Self { state: Mutex::default(), memory, told: Box::new(told) }
    }

    /// Whether the disk is known not to answer.
    pub(super) fn disk_hangs(&self) -> bool {
        self.state().hangs
    }

    /// The disk did not answer in time.
    pub(super) fn disk_is_silent(&self) {
        let mut state = self.state();
        if !state.hangs {
            state.hangs = true;
            tracing::error!(
                cause = "the disk does not answer",
                "a receipt was not kept; readers are served, and it is tried again"
            );
        }
        (self.told)(false);
    }

    /// The disk has answered, perhaps with a fault.
    pub(super) fn disk_answers(&self, fault: Option<String>) {
        let mut state = self.state();
        let hung = std::mem::take(&mut state.hangs);
        match (&state.fault, &fault) {
            (known, None) if known.is_some() || hung => tracing::info!("receipts are kept again"),
            (known, Some(cause)) if known.as_ref() != Some(cause) => {
                tracing::error!(%cause, "a receipt was not kept; readers are served, and it is tried again");
            }
            _ => {}
        }
        state.fault = fault;
        let memory = self.memory;
        state.missing.retain(|_, last| last.elapsed() < memory);
        (self.told)(state.is_well());
    }

    /// A receipt is missing for good.
    pub(super) fn is_missing(&self, cause: &'static str) {
        let mut state = self.state();
        // Not a line for each: it would tell when somebody paid.
        if state.missing.insert(cause, Instant::now()).is_none() {
            tracing::error!(
                cause,
                "a receipt is missing for good, or may be; readers are served, and the redeemer's own books have what was paid"
            );
        }
        (self.told)(false);
    }

    /// How long until there may be one missing receipt less to know of; none if there is none.
    pub(super) fn next_change(&self) -> Option<Duration> {
        let state = self.state();
        state.missing.values().map(|last| self.memory.saturating_sub(last.elapsed())).min()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
