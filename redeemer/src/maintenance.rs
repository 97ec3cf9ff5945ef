//! What is done once an hour: dropping what is no longer kept.

use std::sync::Arc;
use std::time::Duration;

use farthing_service::environment::Environment;
use farthing_service::unavailable::Unavailable;

use crate::store::{Leftovers, Slice};

const PERIOD: Duration = Duration::from_hours(1);
/// Most entries that one write drops: redemptions that come meanwhile wait no longer than for each other.
const SLICE: usize = 1_000;

/// Drops what is no longer kept, for ever, an hour apart. A failure is logged, and left to the next hour.
pub async fn run(leftovers: Arc<dyn Leftovers>, environment: Environment) {
    loop {
        if let Err(cause) = tidy(&*leftovers, environment.now()).await {
            tracing::warn!(%cause, "old answers and ended sets were not dropped; the next hour tries again");
        }
        tokio::time::sleep(PERIOD).await;
    }
}

async fn tidy(leftovers: &dyn Leftovers, now: u64) -> Result<(), Unavailable> {
    while leftovers.drop_old_answers(now, SLICE).await? == Slice::More {
        tokio::task::yield_now().await;
    }
    while leftovers.drop_ended_sets(now, SLICE).await? == Slice::More {
        tokio::task::yield_now().await;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use async_trait::async_trait;

    use super::*;

    /// So many of each are left.
    struct Left([AtomicUsize; 2]);

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
    }

    #[tokio::test]
    async fn it_goes_on_until_nothing_is_left() {
        let left = Left([AtomicUsize::new(2_500), AtomicUsize::new(1_001)]);
        tidy(&left, 0).await.unwrap();
        assert!(left.0.iter().all(|count| count.load(Ordering::Relaxed) == 0));
    }
}
