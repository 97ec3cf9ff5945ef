//! How many answers may be kept: each costs memory or disk for two days, and whoever redeems token by token makes many.
//!
//! What the store has is counted by the store, and asked at most once a second; what was admitted since is added here. So
//! one redeemer keeps no more than the budget, whatever was kept before it started; several on one store may go beyond it
//! by what the others keep in that second. Who an answer is kept for, the store does not know: a publisher's share is
//! counted in memory, and a restart, or another redeemer, grants a new one within what is left of the whole.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use farthing_api::ProblemKind;
use farthing_service::hourly_budget::HourlyBudget;
use farthing_service::problem::ProblemResponse;
use farthing_service::unavailable::Unavailable;

use crate::publishers::PublisherId;
use crate::store::{KeptAnswers, Leftovers, forgotten_from};

/// How long a count of the store's is good for.
const FRESH: Duration = Duration::from_secs(1);
/// One publisher may have one in so many.
const SHARE: u64 = 4;
/// Old answers that are dropped at a time when there is no room.
const SLICE: usize = 1_000;
const HOUR: u64 = 3_600;

/// What is kept, as far as it is known.
pub struct KeptBudget {
    count: Mutex<Count>,
    /// Held by who asks the store.
    asking: tokio::sync::Mutex<()>,
    /// Lines in the log that say that redemptions are refused.
    lines: HourlyBudget<()>,
}

#[derive(Default)]
struct Count {
    /// What the store had, and when.
    counted: Option<(u64, Instant)>,
    /// Kept since the store began to count.
    since: u64,
    /// For which there is room, and which are not kept yet.
    in_work: u64,
    /// Kept or in work by each publisher, by the second in which it is forgotten.
    shares: HashMap<PublisherId, BTreeMap<u64, u64>>,
}

/// Room for one answer. Given back when dropped, unless the answer [may be kept](Self::may_be_kept).
pub struct Room {
    budget: Arc<KeptBudget>,
    publisher: PublisherId,
    forget_from: u64,
    kept: Kept,
}

/// What became of an answer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kept {
    No,
    Yes,
    Unknown,
}

impl KeptBudget {
    /// Nothing is known yet.
    pub fn new() -> Self {
        Self { count: Mutex::default(), asking: tokio::sync::Mutex::default(), lines: HourlyBudget::new(1) }
    }

    /// Room for one more answer of `publisher`, where there may be `limit` in all.
    ///
    /// # Errors
    /// 503 when there is none, 429 when the publisher's share is taken; or the store does not answer.
    pub async fn room(
        self: &Arc<Self>,
        publisher: PublisherId,
        limit: u32,
        store: (&dyn KeptAnswers, &dyn Leftovers),
        now: u64,
    ) -> Result<Room, ProblemResponse> {
        let limit = u64::from(limit);
        self.ask(limit, store, now).await?;
        let mut count = self.count();
        if count.in_all() >= limit {
            drop(count);
            self.say_that_redemptions_are_refused(now);
            let detail = "as many answers are kept as the service has room for, and no tokens were spent; repeat after \
                          the seconds in Retry-After";
            return Err(refused(ProblemKind::TooManyKeptAnswers, detail, now));
        }
        let share = count.shares.entry(publisher).or_default();
        share.retain(|forget_from, _| *forget_from > now);
        if share.values().sum::<u64>() >= (limit / SHARE).max(1) {
            let detail = "as many of your answers are kept as one publisher may have, and no tokens were spent; redeem \
                          more tokens at once, and repeat after the seconds in Retry-After";
            return Err(refused(ProblemKind::TooManyRedemptions, detail, now));
        }
        let forget_from = forgotten_from(now);
        *share.entry(forget_from).or_default() += 1;
        count.in_work += 1;
        Ok(Room { budget: Arc::clone(self), publisher, forget_from, kept: Kept::No })
    }

    /// Has the store count, unless it did a moment ago; what is over is dropped first when there is no room.
    async fn ask(
        &self,
        limit: u64,
        (answers, leftovers): (&dyn KeptAnswers, &dyn Leftovers),
        now: u64,
    ) -> Result<(), Unavailable> {
        if self.count().is_fresh() {
            return Ok(());
        }
        let _asking = self.asking.lock().await;
        if self.count().is_fresh() {
            return Ok(());
        }
        // What is kept while the store counts may be counted twice until the next time, and is never missed.
        let before = self.count().since;
        let mut counted = answers.count_kept_answers().await?;
        if counted >= limit {
            leftovers.drop_old_answers(now, SLICE).await?;
            counted = answers.count_kept_answers().await?;
        }
        let mut count = self.count();
        count.counted = Some((counted, Instant::now()));
        count.since = count.since.saturating_sub(before);
        Ok(())
    }

    fn say_that_redemptions_are_refused(&self, now: u64) {
        if self.lines.take((), now).is_ok() {
            tracing::warn!(
                "redemptions are refused: limits.kept_answers are kept; raise it if there is room"
            );
        }
    }

    fn count(&self) -> MutexGuard<'_, Count> {
        self.count.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Count {
    fn in_all(&self) -> u64 {
        self.counted.map_or(0, |(counted, _)| counted).saturating_add(self.since).saturating_add(self.in_work)
    }

    fn is_fresh(&self) -> bool {
        self.counted.is_some_and(|(_, at)| at.elapsed() < FRESH)
    }
}

impl Room {
    /// From now on the answer may be kept, though nobody might hear of it.
    pub const fn may_be_kept(&mut self) {
        self.kept = Kept::Yes;
    }

    /// The answer is not kept.
    pub const fn is_not_kept(&mut self) {
        self.kept = Kept::No;
    }

    /// The store does not say. It takes room until the store counts again, and none of the publisher's share: a store that
    /// is down for hours must not cost a publisher its share of two days.
    pub const fn is_unknown(&mut self) {
        self.kept = Kept::Unknown;
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let mut count = self.budget.count();
        count.in_work = count.in_work.saturating_sub(1);
        if self.kept != Kept::No {
            count.since += 1;
        }
        if self.kept == Kept::Yes {
            return;
        }
        let Some(share) = count.shares.get_mut(&self.publisher) else { return };
        if let Some(kept) = share.get_mut(&self.forget_from) {
            *kept = kept.saturating_sub(1);
        }
        share.retain(|_, kept| *kept > 0);
        if share.is_empty() {
            count.shares.remove(&self.publisher);
        }
    }
}

/// Answers are forgotten at full hours.
fn refused(kind: ProblemKind, detail: &str, now: u64) -> ProblemResponse {
    ProblemResponse::new(kind, detail).retry_after(HOUR - now % HOUR)
}

#[cfg(test)]
mod tests;
