//! What is done once an hour: dropping what is no longer kept, and forgetting what was written together.

use std::sync::Arc;
use std::time::{Duration, Instant};

use farthing_service::environment::Environment;
use farthing_service::unavailable::Unavailable;

use crate::store::{Leftovers, Slice, Unfinished};

const PERIOD: Duration = Duration::from_hours(1);
/// Most entries that one write drops: redemptions that come meanwhile wait no longer than for each other.
const SLICE: usize = 1_000;

/// Ticks for which the clock must have kept pace before a set is closed: closing cannot be undone, and a clock that was
/// set wrong for a moment must not cost anybody a token.
const STEADY_TICKS: u32 = 24;
/// By how much the clock may be off between two ticks and still keep pace.
const TOLERANCE_SECONDS: u64 = 600;

/// Drops what is no longer kept, for ever, an hour apart; ended sets only once the clock has been steady for a day. A
/// failure is logged, and left to the next hour.
pub async fn run(leftovers: Arc<dyn Leftovers>, environment: Environment) {
    let mut pace = Pace::default();
    loop {
        let now = environment.now();
        let is_steady = pace.tick(Instant::now(), now);
        if let Err(cause) = tidy(&*leftovers, now, is_steady).await {
            tracing::warn!(%cause, "old answers and ended sets were not dropped; the next hour tries again");
        }
        tokio::time::sleep(PERIOD).await;
    }
}

/// Finishes what processes have left half done, for ever, `period` apart.
pub async fn finish(leftovers: Arc<dyn Leftovers>, period: Duration, environment: Environment) {
    let (mut unfinished, mut failing) = (Unfinished::default(), false);
    loop {
        tokio::time::sleep(period).await;
        let finished = leftovers.finish_redemptions(std::mem::take(&mut unfinished), environment.now()).await;
        match finished {
            Ok(left) => (unfinished, failing) = (left, false),
            Err(cause) if !failing => {
                failing = true;
                tracing::warn!(%cause, "redemptions that were left half done wait to be finished");
            }
            Err(_) => {}
        }
    }
}

/// Compares the clock, which can be set, with the time that has passed, which cannot.
#[derive(Default)]
struct Pace {
    last: Option<(Instant, u64)>,
    steady: u32,
}

impl Pace {
    /// Whether the clock, which shows `now`, has kept pace for long enough.
    fn tick(&mut self, instant: Instant, now: u64) -> bool {
        let kept_pace = self.last.is_some_and(|(before, then)| {
            let passed = instant.saturating_duration_since(before).as_secs();
            now.abs_diff(then.saturating_add(passed)) <= TOLERANCE_SECONDS
        });
        self.steady = if kept_pace { self.steady.saturating_add(1) } else { 0 };
        self.last = Some((instant, now));
        self.steady >= STEADY_TICKS
    }
}

async fn tidy(leftovers: &dyn Leftovers, now: u64, is_steady: bool) -> Result<(), Unavailable> {
    while leftovers.drop_old_answers(now, SLICE).await? == Slice::More {
        tokio::task::yield_now().await;
    }
    while is_steady && leftovers.drop_ended_sets(now, SLICE).await? == Slice::More {
        tokio::task::yield_now().await;
    }
    leftovers.forget_order().await
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use async_trait::async_trait;

    use super::*;

    /// So many of each are left; and how often order was forgotten.
    struct Left([AtomicUsize; 3]);

    impl Left {
        fn drop_some(&self, which: usize, limit: usize) -> Slice {
            let left = self.0[which].load(Ordering::Relaxed);
            self.0[which].store(left.saturating_sub(limit), Ordering::Relaxed);
            if left > limit { Slice::More } else { Slice::Last }
        }
    }

    #[async_trait]
    impl Leftovers for Left {
        async fn drop_ended_sets(&self, _now: u64, limit: usize) -> Result<Slice, Unavailable> {
            Ok(self.drop_some(0, limit))
        }

        async fn drop_old_answers(&self, _now: u64, limit: usize) -> Result<Slice, Unavailable> {
            Ok(self.drop_some(1, limit))
        }

        async fn finish_redemptions(&self, before: Unfinished, _now: u64) -> Result<Unfinished, Unavailable> {
            Ok(before)
        }

        async fn forget_order(&self) -> Result<(), Unavailable> {
            self.0[2].fetch_add(1, Ordering::Relaxed);
            Ok(())
        }
    }

    #[tokio::test]
    async fn an_unsteady_clock_closes_nothing() {
        let left = Left([1, 1, 0].map(AtomicUsize::new));
        tidy(&left, 0, false).await.unwrap();
        assert_eq!(left.0[0].load(Ordering::Relaxed), 1);
        assert_eq!(left.0[1].load(Ordering::Relaxed), 0);
    }

    #[test]
    fn a_clock_is_steady_after_a_day_without_a_jump() {
        let (start, mut pace) = (Instant::now(), Pace::default());
        let at = |hour: u64| start + Duration::from_hours(hour);
        for hour in 0..24 {
            assert!(!pace.tick(at(hour), 1_000 + hour * 3_600), "{hour}");
        }
        assert!(pace.tick(at(24), 1_000 + 24 * 3_600));
        assert!(!pace.tick(at(25), 1_000_000_000), "a jump");
        for hour in 26..49 {
            assert!(!pace.tick(at(hour), 1_000_000_000 + (hour - 25) * 3_600), "{hour}");
        }
        assert!(pace.tick(at(49), 1_000_000_000 + 24 * 3_600));
    }

    #[tokio::test]
    async fn it_goes_on_until_nothing_is_left() {
        let left = Left([2_500, 1_001, 0].map(AtomicUsize::new));
        tidy(&left, 0, true).await.unwrap();
        assert_eq!(left.0.map(AtomicUsize::into_inner), [0, 0, 1]);
    }
}
