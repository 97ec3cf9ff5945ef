//! Which hour a trace belongs to, and when that is over.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Kind;
use super::random;
use super::recording::Trace;
use super::sample::Sample;

/// Seconds of an hour.
pub(super) const HOUR: u64 = 3_600;

/// The hour that is under way, and the one before it until it is taken.
pub(super) struct Hours {
    most: usize,
    state: Mutex<State>,
}

struct State {
    /// Its number, counted from 1970.
    hour: u64,
    /// Whether it was seen from its beginning. Otherwise nothing is kept: the shorter the time, the more it would tell.
    whole: bool,
    kinds: BTreeMap<Kind, Sample>,
    ended: Option<EndedHour>,
}

/// An hour that is over.
pub(super) struct EndedHour {
    number: u64,
    kinds: BTreeMap<Kind, Sample>,
}

impl Hours {
    /// Begins in the middle of an hour; at most `most` traces of each kind are kept.
    pub(super) fn new(now: u64, most: usize) -> Self {
        let state = State { hour: now / HOUR, whole: false, kinds: BTreeMap::new(), ended: None };
        Self { most, state: Mutex::new(state) }
    }

    /// Adds the trace of a request that was answered `now`.
    pub(super) fn add(&self, now: u64, kind: Kind, trace: Trace) {
        let mut state = self.at(now);
        if state.whole {
            // Without randomness the trace is lost, which is what traces may be.
            let _ = state.kinds.entry(kind).or_default().add(trace, self.most);
        }
    }

    /// The hour that was over last, once.
    pub(super) fn take_ended(&self, now: u64) -> Option<EndedHour> {
        self.at(now).ended.take()
    }

    fn at(&self, now: u64) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let hour = now / HOUR;
        if hour != state.hour {
            let kinds = std::mem::take(&mut state.kinds);
            // A clock that goes back is as good as a new start: what it dates is not to be believed.
            let forward = hour > state.hour;
            if forward && state.whole {
                state.ended = Some(EndedHour { number: state.hour, kinds });
            }
            state.hour = hour;
            state.whole = forward;
        }
        state
    }
}

impl EndedHour {
    /// When it began, in unix seconds.
    pub(super) fn start(&self) -> u64 {
        self.number * HOUR
    }

    /// What may be sent: whole tens of each kind, all in random order.
    pub(super) fn in_tens(self) -> Result<Vec<(Kind, Trace)>, getrandom::Error> {
        let mut shown = Vec::new();
        for (kind, sample) in self.kinds {
            shown.extend(sample.in_tens()?.into_iter().map(|trace| (kind.clone(), trace)));
        }
        random::shuffle(&mut shown)?;
        Ok(shown)
    }
}
