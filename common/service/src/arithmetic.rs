//! Threads of their own for group arithmetic, so that the threads that serve connections never wait for it.

use std::sync::Arc;

use prometheus_client::metrics::gauge::ConstGauge;
use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};
use tokio::sync::{Semaphore, oneshot};

use crate::metrics::{DurationFamily, Metrics};
use crate::traces::{self, Part};

/// Jobs that may wait for each thread. A batch of 100 takes some milliseconds: what waits longer than this queue is
/// better refused and repeated.
const QUEUE_PER_THREAD: usize = 64;

/// Why a job has no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ArithmeticError {
    /// The queue is full; the job was not begun, and repeating it later is safe.
    #[error("more arithmetic is asked for than this machine can do")]
    Overloaded,
    /// The job panicked, which is a defect.
    #[error("the arithmetic panicked")]
    Panicked,
}

/// A pool of threads with a bounded queue. Cheap to clone; clones share the pool.
#[derive(Debug, Clone)]
pub struct Arithmetic {
    pool: Arc<ThreadPool>,
    places: Arc<Semaphore>,
    capacity: usize,
    durations: DurationFamily,
}

impl Arithmetic {
    /// A pool of as many threads as the machine has cores.
    ///
    /// # Errors
    /// When the threads cannot be started.
    pub fn new() -> Result<Self, ThreadPoolBuildError> {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        Self::with(threads, threads * QUEUE_PER_THREAD)
    }

    /// A pool of `threads` threads that holds at most `places` jobs, running and waiting.
    ///
    /// # Errors
    /// When the threads cannot be started.
    pub fn with(threads: usize, places: usize) -> Result<Self, ThreadPoolBuildError> {
        let pool = ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|index| format!("arithmetic-{index}"))
            // Without a handler rayon ends the process. The message is written by the panic hook already, and may
            // be about secrets, so nothing of it is repeated.
            .panic_handler(|_| tracing::error!("a job of the arithmetic pool panicked"))
            .build()?;
        Ok(Self {
            pool: Arc::new(pool),
            places: Arc::new(Semaphore::new(places)),
            capacity: places,
            durations: DurationFamily::default(),
        })
    }

    /// Publishes how long jobs ran, once a day, and how many places are taken, in tens.
    pub fn publish(&self, metrics: &Metrics) {
        metrics.publish_daily(
            "farthing_arithmetic_duration_seconds",
            "Jobs of the arithmetic pool, without their time in its queue",
            self.durations.clone(),
        );
        let (places, capacity) = (Arc::clone(&self.places), self.capacity);
        metrics.watch_in_tens(
            "farthing_arithmetic_places_in_use",
            "Jobs that run or wait in the arithmetic pool",
            move || capacity.saturating_sub(places.available_permits()) as u64,
        );
        let places = ConstGauge::new(u64::try_from(capacity).unwrap_or(u64::MAX));
        let help = "Jobs that the arithmetic pool takes before it refuses";
        metrics.register(|registry| registry.register("farthing_arithmetic_places", help, places));
    }

    /// Runs `job` on the pool and waits for its result. A job that began runs to its end even if the caller no
    /// longer waits.
    ///
    /// # Errors
    /// [`ArithmeticError::Overloaded`] at once when every place is taken, [`ArithmeticError::Panicked`] when the
    /// job panicked.
    pub async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ArithmeticError> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| ArithmeticError::Overloaded)?;
        let (sender, receiver) = oneshot::channel();
        let durations = self.durations.clone();
        let waiting = traces::part(Part::ArithmeticWait);
        self.pool.spawn_fifo(move || {
            let running = waiting.map(|waiting| waiting.then(Part::ArithmeticRun));
            let timed = durations.time(Vec::new());
            let result = job();
            drop((timed, running));
            // Whoever asked may have gone; then nobody needs the result.
            let _ = sender.send(result);
            drop(place);
        });
        receiver.await.map_err(|_| ArithmeticError::Panicked)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn a_job_runs_on_a_thread_of_the_pool() {
        let arithmetic = Arithmetic::new().unwrap();
        let name = arithmetic.run(|| std::thread::current().name().unwrap().to_owned()).await.unwrap();
        assert!(name.starts_with("arithmetic-"), "{name}");
    }

    #[tokio::test]
    async fn a_full_queue_refuses_and_then_serves_again() {
        let arithmetic = Arithmetic::with(1, 1).unwrap();
        let (release, wait) = mpsc::channel::<()>();
        let (started, begun) = oneshot::channel();
        let busy = tokio::spawn({
            let arithmetic = arithmetic.clone();
            async move {
                arithmetic
                    .run(move || {
                        started.send(()).unwrap();
                        wait.recv().unwrap();
                    })
                    .await
            }
        });
        begun.await.unwrap();
        assert_eq!(arithmetic.run(|| ()).await, Err(ArithmeticError::Overloaded));
        release.send(()).unwrap();
        busy.await.unwrap().unwrap();
        // The place is given back just after the answer.
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
        while arithmetic.run(|| ()).await.is_err() {
            assert!(std::time::Instant::now() < deadline);
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_panic_is_an_error_and_the_pool_lives_on() {
        let arithmetic = Arithmetic::with(1, 2).unwrap();
        let result = arithmetic.run(|| assert_eq!(1, 2)).await;
        assert_eq!(result, Err(ArithmeticError::Panicked));
        assert_eq!(arithmetic.run(|| 3).await, Ok(3));
    }
}
