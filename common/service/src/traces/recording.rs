//! What is recorded of a request while it is under way.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use super::{Kind, Traces};

/// Most parts that are kept of one request.
const MOST_PARTS: usize = 64;

tokio::task_local! {
    /// The recording of the request that this task answers.
    static CURRENT: Arc<Recording>;
}

/// A part of a request that is timed for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// The body arrives.
    Body,
    /// A question to the store that reads, until its answer or time-out.
    StoreRead,
    /// A question to the store that writes, until its answer or time-out.
    StoreWrite,
    /// A job is in the queue of the arithmetic pool.
    ArithmeticWait,
    /// A job runs there.
    ArithmeticRun,
    /// The answer is put into its last form.
    Answer,
}

impl Part {
    /// The name of its spans.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Body => "body",
            Self::StoreRead => "store.read",
            Self::StoreWrite => "store.write",
            Self::ArithmeticWait => "arithmetic.wait",
            Self::ArithmeticRun => "arithmetic.run",
            Self::Answer => "answer",
        }
    }
}

/// What remains of a request that was answered. Times are whole milliseconds since its beginning: finer ones would tell
/// how many tokens a batch had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Trace {
    pub(super) milliseconds: u32,
    pub(super) parts: Vec<TimedPart>,
}

/// A part, and when it began and ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TimedPart {
    pub(super) part: Part,
    pub(super) begun: u32,
    pub(super) ended: u32,
}

/// A request under way.
pub(crate) struct Recording {
    traces: Arc<Traces>,
    begun: Instant,
    parts: Mutex<Vec<TimedPart>>,
}

impl Recording {
    pub(super) fn begin(traces: Arc<Traces>) -> Arc<Self> {
        Arc::new(Self { traces, begun: Instant::now(), parts: Mutex::new(Vec::new()) })
    }

    /// The request was answered. Parts that still go on are left out.
    pub(crate) fn finish(&self, kind: Kind) {
        let parts = std::mem::take(&mut *self.parts.lock().unwrap_or_else(PoisonError::into_inner));
        self.traces.add(kind, Trace { milliseconds: self.since(Instant::now()), parts });
    }

    fn since(&self, instant: Instant) -> u32 {
        let passed = instant.saturating_duration_since(self.begun).as_millis();
        u32::try_from(passed).unwrap_or(u32::MAX)
    }

    fn add(&self, part: Part, begun: Instant) {
        let timed = TimedPart { part, begun: self.since(begun), ended: self.since(Instant::now()) };
        let mut parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        if parts.len() < MOST_PARTS {
            parts.push(timed);
        }
    }
}

/// Answers a request, so that its parts find the recording, if there is one.
pub(crate) async fn within<F: Future>(recording: Option<&Arc<Recording>>, request: F) -> F::Output {
    match recording {
        Some(recording) => CURRENT.scope(Arc::clone(recording), request).await,
        None => request.await,
    }
}

/// Times a part of the request that this task answers, until what is returned is dropped; nothing where no request is
/// recorded.
pub(crate) fn part(part: Part) -> Option<RunningPart> {
    let recording = CURRENT.try_with(Arc::clone).ok()?;
    Some(RunningPart { recording, part, begun: Instant::now() })
}

/// A part that goes on until this is dropped, on whichever thread.
pub(crate) struct RunningPart {
    recording: Arc<Recording>,
    part: Part,
    begun: Instant,
}

impl RunningPart {
    /// Ends this part and begins another.
    pub(crate) fn then(self, part: Part) -> Self {
        Self { recording: Arc::clone(&self.recording), part, begun: Instant::now() }
    }
}

impl Drop for RunningPart {
    fn drop(&mut self) {
        self.recording.add(self.part, self.begun);
    }
}
