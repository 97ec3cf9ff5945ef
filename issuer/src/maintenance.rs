//! What is done once an hour: dropping orders that nobody paid.

use std::sync::Arc;
use std::time::Duration;

use farthing_protocol::Day;
use farthing_service::environment::Environment;
use farthing_service::unavailable::Unavailable;

use crate::store::{Leftovers, Slice};

const PERIOD: Duration = Duration::from_hours(1);
/// Most orders that one write drops: orders that come meanwhile wait no longer than for each other.
const SLICE: usize = 1_000;

/// Drops orders that expired unpaid, for ever, an hour apart. A failure is logged, and left to the next hour. A clock
/// that was set wrong costs nobody anything: whoever still wants to pay makes the order again.
pub async fn run(leftovers: Arc<dyn Leftovers>, environment: Environment) {
    loop {
        if let Err(cause) = tidy(&*leftovers, Day::from_unix(environment.now())).await {
            tracing::warn!(%cause, "expired orders were not dropped; the next hour tries again");
        }
        tokio::time::sleep(PERIOD).await;
    }
}

async fn tidy(leftovers: &dyn Leftovers, today: Day) -> Result<(), Unavailable> {
    while leftovers.drop_expired_orders(today, SLICE).await? == Slice::More {
        tokio::task::yield_now().await;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use async_trait::async_trait;

    use super::*;

    /// So many are left.
    struct Left(AtomicUsize);

    #[async_trait]
    impl Leftovers for Left {
        async fn drop_expired_orders(&self, _today: Day, limit: usize) -> Result<Slice, Unavailable> {
            let left = self.0.load(Ordering::Relaxed);
            self.0.store(left.saturating_sub(limit), Ordering::Relaxed);
            Ok(if left > limit { Slice::More } else { Slice::Last })
        }
    }

    #[tokio::test]
    async fn it_goes_on_until_nothing_is_left() {
        let left = Left(AtomicUsize::new(2_500));
        tidy(&left, Day::from_unix(0)).await.unwrap();
        assert_eq!(left.0.load(Ordering::Relaxed), 0);
    }
}
