//! Writes that replicas must confirm: taken in groups over a connection of their own, each group followed by one WAIT.
//!
//! The connection is nobody else's, because WAIT speaks of the writes of its own connection and keeps it busy until the
//! replicas have answered. What comes meanwhile is the next group.

use std::collections::HashSet;
use std::sync::{Arc, Weak};
use std::time::Duration;

use ::redis::aio::ConnectionLike;
use ::redis::{Pipeline, Value};
use tokio::sync::{mpsc, oneshot};

use super::OpenError;
use super::connection::{Backoff, Link, Seeker};
use super::script::Touching;
use crate::unavailable::Unavailable;

/// Calls that may wait; beyond them callers hear at once that the store cannot take more.
const QUEUE: usize = 4_096;
/// Most calls of one group.
const GROUP: usize = 256;
/// How often the replicas are counted.
const COUNTED_EVERY: Duration = Duration::from_secs(5);

/// The way to the task that writes. It ends when the last clone goes.
#[derive(Clone)]
pub(super) struct Commits {
    queue: mpsc::Sender<Job>,
    timeout: Duration,
}

struct Job {
    call: Touching,
    answer: oneshot::Sender<Result<Value, Unavailable>>,
}

impl Commits {
    /// Starts the task on the current runtime.
    pub(super) fn start(seeker: Arc<Seeker>, timeout: Duration) -> Self {
        let (queue, mut jobs) = mpsc::channel::<Job>(QUEUE);
        if seeker.counts_replicas() {
            tokio::spawn(count_replicas(Arc::downgrade(&seeker)));
        }
        tokio::spawn(async move {
            let mut writer = Writer { seeker, timeout, connection: None, backoff: Backoff::new() };
            let mut group = Vec::new();
            while jobs.recv_many(&mut group, GROUP).await > 0 {
                // Whoever has given up will ask again; doing it now would only delay the others.
                group.retain(|job| !job.answer.is_closed());
                writer.commit(&mut group).await;
            }
        });
        Self { queue, timeout }
    }

    /// Runs a call. It is answered when enough replicas have it.
    pub(super) async fn run(&self, call: Touching) -> Result<Value, Unavailable> {
        let (answer, answered) = oneshot::channel();
        self.queue.try_send(Job { call, answer }).map_err(|error| {
            Unavailable::because(match error {
                mpsc::error::TrySendError::Full(_) => "its queue is full",
                mpsc::error::TrySendError::Closed(_) => "its writer has stopped",
            })
        })?;
        match tokio::time::timeout(self.timeout, answered).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(Unavailable::because("its writer has stopped")),
            Err(_) => Err(Unavailable::because("Redis did not answer in time")),
        }
    }
}

/// Counts the replicas until the store is closed.
async fn count_replicas(seeker: Weak<Seeker>) {
    loop {
        tokio::time::sleep(COUNTED_EVERY).await;
        let Some(seeker) = seeker.upgrade() else { return };
        seeker.count_replicas().await;
    }
}

struct Writer {
    seeker: Arc<Seeker>,
    timeout: Duration,
    connection: Option<Own>,
    backoff: Backoff,
}

/// The connection, and the scripts that its server is known to know.
struct Own {
    link: Link,
    scripts: HashSet<&'static str>,
}

impl Writer {
    /// Runs the calls of a group, waits for the replicas, and answers.
    async fn commit(&mut self, group: &mut Vec<Job>) {
        let commands: Vec<_> = group.iter().map(|job| &job.call).collect();
        let (timeout, seeker) = (self.timeout, Arc::clone(&self.seeker));
        let outcome = match self.connected().await {
            Ok(own) => write(own, &commands, seeker.wanted(&own.link), timeout).await,
            Err(cause) => Err(cause),
        };
        match outcome {
            Ok(Written { values, intact }) => {
                if !intact {
                    self.connection = None;
                }
                for (job, value) in group.drain(..).zip(values) {
                    let _ = job.answer.send(value);
                }
            }
            Err(cause) => {
                self.connection = None;
                for job in group.drain(..) {
                    let _ = job.answer.send(Err(cause.clone()));
                }
            }
        }
    }

    async fn connected(&mut self) -> Result<&mut Own, Unavailable> {
        if self.connection.is_none() {
            self.backoff.check()?;
            let found = tokio::time::timeout(self.timeout, self.seeker.connect()).await;
            let link = found.unwrap_or_else(|_| Err(OpenError::Silent { server: self.seeker.describe() }));
            let link = self.backoff.note(link)?;
            self.connection = Some(Own { link, scripts: HashSet::new() });
        }
        self.connection.as_mut().ok_or_else(|| Unavailable::because("Redis is not connected"))
    }
}

/// What became of a group.
struct Written {
    values: Vec<Result<Value, Unavailable>>,
    /// Whether all went well, so that the connection can be used again.
    intact: bool,
}

/// Runs calls, and waits until as many replicas as are wanted have what they wrote.
async fn write(
    own: &mut Own,
    calls: &[&Touching],
    wanted: u32,
    timeout: Duration,
) -> Result<Written, Unavailable> {
    let mut pipeline = Pipeline::with_capacity(calls.len() + 2);
    let mut loads = 0;
    for call in calls {
        if own.scripts.insert(call.digest) {
            pipeline.cmd("SCRIPT").arg("LOAD").arg(call.text);
            loads += 1;
        }
    }
    for call in calls {
        pipeline.add_command(call.command.clone());
    }
    let patience = u64::try_from((timeout * 2 / 3).as_millis()).unwrap_or(u64::MAX).max(1);
    // WAITAOF counts replicas that have it on disk, WAIT those that have it in memory.
    let local = i64::from(own.link.syncs_each_write);
    if own.link.has_waitaof {
        pipeline.cmd("WAITAOF").arg(local).arg(wanted).arg(patience);
    } else {
        pipeline.cmd("WAIT").arg(wanted).arg(patience);
    }
    let asked = own.link.server.req_packed_commands(&pipeline, 0, pipeline.len());
    let mut values = match tokio::time::timeout(timeout, asked).await {
        Ok(Ok(values)) => values,
        Ok(Err(error)) => return Err(super::unavailable(&error)),
        Err(_) => return Err(Unavailable::because("Redis did not answer in time")),
    };
    let confirmed = values.pop().and_then(|value| confirmations(&value, local));
    if confirmed.is_none_or(|confirmed| confirmed < wanted) {
        let confirmed = confirmed.unwrap_or(0);
        return Err(Unavailable::because(format!(
            "{confirmed} of {wanted} replicas confirmed a write in time"
        )));
    }
    let mut intact = true;
    let values = values
        .into_iter()
        .skip(loads)
        .map(|value| {
            value.extract_error().map_err(|error| {
                intact &= super::is_refusal(&error);
                super::unavailable(&error)
            })
        })
        .collect();
    Ok(Written { values, intact })
}

/// How many replicas have confirmed: the answer of WAIT, or the second number of WAITAOF's.
fn confirmations(value: &Value, wanted_local: i64) -> Option<u32> {
    match value {
        Value::Int(count) => u32::try_from(*count).ok(),
        // The server itself comes first, and is asked for where each write must be on its disk.
        Value::Array(counts) => match counts.as_slice() {
            [Value::Int(local), replicas] if *local >= wanted_local => confirmations(replicas, 0),
            _ => None,
        },
        _ => None,
    }
}
