//! The one thread that writes: group commit.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use redb::WriteTransaction;
use tokio::sync::{mpsc, oneshot};

use super::{Fault, Shared, file};
use crate::unavailable::Unavailable;

/// Jobs that may wait; beyond them callers hear at once that the store cannot take more.
const QUEUE: usize = 4_096;
/// Most jobs of one commit, so that the first of a group does not wait for ever.
const GROUP: usize = 512;

/// Runs in the transaction; what it returns runs once that is durable, and answers.
type Job = Box<dyn FnOnce(&WriteTransaction) -> Result<Answer, Fault> + Send>;
type Answer = Box<dyn FnOnce() + Send>;

/// The way to the writing thread. When the last of them goes, it waits until the thread has done what is queued and
/// has let go of the database, so that the next start finds it closed.
#[derive(Clone)]
pub(super) struct Writer {
    thread: Arc<Thread>,
}

struct Thread {
    queue: Option<mpsc::Sender<Job>>,
    handle: Option<JoinHandle<()>>,
}

impl Drop for Thread {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(handle) = self.handle.take() {
            // A panic of the thread was logged where it happened.
            let _ = handle.join();
        }
    }
}

impl Writer {
    /// Starts the thread.
    pub(super) fn start(shared: Arc<Shared>) -> std::io::Result<Self> {
        let (queue, mut jobs) = mpsc::channel(QUEUE);
        let handle = thread::Builder::new().name("store-writer".to_owned()).spawn(move || {
            let mut group = Vec::new();
            let mut failing = false;
            while jobs.blocking_recv_many(&mut group, GROUP) > 0 {
                let committed = catch_unwind(AssertUnwindSafe(|| commit(&shared, group.drain(..))))
                    .unwrap_or_else(|_| Err(Fault::because("a write panicked")));
                // One line for an outage: a line for each write would say when each was made.
                match &committed {
                    Err(fault) if !failing => tracing::error!(cause = %fault, "the store takes no writes"),
                    Ok(_) if failing => tracing::info!("the store takes writes again"),
                    _ => {}
                }
                failing = committed.is_err();
                for answer in committed.unwrap_or_default() {
                    answer();
                }
                group.clear();
            }
        })?;
        Ok(Self { thread: Arc::new(Thread { queue: Some(queue), handle: Some(handle) }) })
    }

    /// Puts a job into the queue. The receiver hears nothing but the sender's end when the job was not done.
    pub(super) fn submit<T, J>(&self, job: J) -> Result<oneshot::Receiver<T>, Unavailable>
    where
        T: Send + 'static,
        J: FnOnce(&WriteTransaction) -> Result<T, Fault> + Send + 'static,
    {
        let (sender, receiver) = oneshot::channel();
        let job: Job = Box::new(move |transaction| {
            let value = job(transaction)?;
            Ok(Box::new(move || {
                // Whoever asked may have given up; the work is done all the same.
                let _ = sender.send(value);
            }))
        });
        let sent = self.thread.queue.as_ref().map(|queue| queue.try_send(job));
        match sent {
            Some(Ok(())) => Ok(receiver),
            Some(Err(mpsc::error::TrySendError::Full(_))) => Err(Unavailable::because("its queue is full")),
            Some(Err(mpsc::error::TrySendError::Closed(_))) | None => {
                Err(Unavailable::because("its writer has stopped"))
            }
        }
    }
}

/// Runs the jobs of one group and makes them durable; their answers, which nobody has heard yet.
fn commit(shared: &Shared, jobs: impl Iterator<Item = Job>) -> Result<Vec<Answer>, Fault> {
    shared.presence.check()?;
    let transaction = shared.database.begin_write()?;
    file::check_birth_for_write(&transaction, &shared.birth)?;
    let answers = jobs.map(|job| job(&transaction)).collect::<Result<Vec<_>, _>>()?;
    shared.environment.step("store.commit.before");
    transaction.commit()?;
    shared.environment.step("store.commit.after");
    Ok(answers)
}
