//! The one thread that writes: group commit.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;

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

/// The way to the writing thread. The thread ends when the last of them is gone and its queue is empty.
#[derive(Clone)]
pub(super) struct Writer {
    queue: mpsc::Sender<Job>,
}

impl Writer {
    /// Starts the thread.
    pub(super) fn start(shared: Arc<Shared>) -> std::io::Result<Self> {
        let (queue, mut jobs) = mpsc::channel(QUEUE);
        thread::Builder::new().name("store-writer".to_owned()).spawn(move || {
            let mut group = Vec::new();
            while jobs.blocking_recv_many(&mut group, GROUP) > 0 {
                match catch_unwind(AssertUnwindSafe(|| commit(&shared, group.drain(..)))) {
                    Ok(Ok(answers)) => answers.into_iter().for_each(|answer| answer()),
                    Ok(Err(fault)) => {
                        tracing::error!(cause = %fault, "the store did not take a group of writes");
                    }
                    Err(_) => tracing::error!("a write panicked; its group was undone"),
                }
                group.clear();
            }
        })?;
        Ok(Self { queue })
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
        self.queue.try_send(job).map_err(|error| {
            Unavailable::because(match error {
                mpsc::error::TrySendError::Full(_) => "its queue is full",
                mpsc::error::TrySendError::Closed(_) => "its writer has stopped",
            })
        })?;
        Ok(receiver)
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
