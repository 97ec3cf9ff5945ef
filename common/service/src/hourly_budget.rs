//! How much of something anybody may have in an hour: counted in memory, and forgotten when the hour is over.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

const HOUR: u64 = 3_600;
/// Most keys that are counted at a time. Beyond them a new key is not limited: to fill this, somebody needs as many
/// paid orders or publishers within an hour.
const MOST_KEYS: usize = 100_000;

/// A budget for each key and hour of the clock. `now` is in unix seconds.
pub struct HourlyBudget<K> {
    limit: AtomicU64,
    hour: Mutex<Hour<K>>,
}

struct Hour<K> {
    number: u64,
    spent: HashMap<K, u64>,
}

/// The budget of this hour is spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the budget of this hour is spent; {retry_after} seconds from now there is a new one")]
pub struct Exhausted {
    /// Seconds until there is a new one.
    pub retry_after: u64,
}

impl<K: Eq + Hash> HourlyBudget<K> {
    /// `limit` for each key in each hour.
    pub fn new(limit: u64) -> Self {
        Self { limit: AtomicU64::new(limit), hour: Mutex::new(Hour { number: 0, spent: HashMap::new() }) }
    }

    /// Gives each key another budget. What was taken in this hour stays taken.
    pub fn set_limit(&self, limit: u64) {
        self.limit.store(limit, Ordering::Relaxed);
    }

    /// Takes one.
    ///
    /// # Errors
    /// Nothing is left; nothing was taken.
    pub fn take(&self, key: K, now: u64) -> Result<(), Exhausted> {
        let mut hour = self.hour(now);
        self.look(&hour, &key, now)?;
        spend(&mut hour, key, 1);
        Ok(())
    }

    /// Whether anything is left.
    ///
    /// # Errors
    /// Nothing is.
    pub fn check(&self, key: &K, now: u64) -> Result<(), Exhausted> {
        self.look(&self.hour(now), key, now)
    }

    /// Takes `amount`, even if less is left.
    pub fn spend(&self, key: K, amount: u64, now: u64) {
        if amount > 0 {
            spend(&mut self.hour(now), key, amount);
        }
    }

    /// Forgets what an hour that is over has counted, although nobody asks any more.
    pub fn forget_old(&self, now: u64) {
        drop(self.hour(now));
    }

    fn look(&self, hour: &Hour<K>, key: &K, now: u64) -> Result<(), Exhausted> {
        let spent = hour.spent.get(key).copied().unwrap_or_default();
        if spent < self.limit.load(Ordering::Relaxed) {
            Ok(())
        } else {
            Err(Exhausted { retry_after: HOUR - now % HOUR })
        }
    }

    /// The hour of `now`.
    fn hour(&self, now: u64) -> MutexGuard<'_, Hour<K>> {
        let mut hour = self.hour.lock().unwrap_or_else(PoisonError::into_inner);
        if hour.number != now / HOUR {
            *hour = Hour { number: now / HOUR, spent: HashMap::new() };
        }
        hour
    }
}

fn spend<K: Eq + Hash>(hour: &mut Hour<K>, key: K, amount: u64) {
    if hour.spent.len() < MOST_KEYS || hour.spent.contains_key(&key) {
        let spent = hour.spent.entry(key).or_default();
        *spent = spent.saturating_add(amount);
    }
}

impl<K> fmt::Debug for HourlyBudget<K> {
    /// Shows none of the keys, which may name orders.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HourlyBudget").field("limit", &self.limit).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_000 * HOUR + 600;

    #[test]
    fn each_key_has_its_own_and_a_new_one_each_hour() {
        let budget = HourlyBudget::new(2);
        for _ in 0..2 {
            budget.take("a", NOW).unwrap();
        }
        assert_eq!(budget.take("a", NOW), Err(Exhausted { retry_after: 3_000 }));
        assert_eq!(budget.check(&"a", NOW + 2_999), Err(Exhausted { retry_after: 1 }));
        budget.take("b", NOW).unwrap();
        budget.take("a", NOW + 3_000).unwrap();
    }

    #[test]
    fn another_limit_leaves_what_was_taken() {
        let budget = HourlyBudget::new(2);
        budget.spend("a", 2, NOW);
        budget.set_limit(3);
        budget.take("a", NOW).unwrap();
        budget.take("a", NOW).unwrap_err();
        budget.set_limit(1);
        budget.take("a", NOW).unwrap_err();
        budget.take("b", NOW).unwrap();
        budget.take("b", NOW).unwrap_err();
    }

    #[test]
    fn more_than_is_left_can_be_spent_after_the_fact() {
        let budget = HourlyBudget::new(10);
        budget.spend("a", 0, NOW);
        budget.spend("a", 9, NOW);
        budget.check(&"a", NOW).unwrap();
        budget.spend("a", u64::MAX, NOW);
        assert!(budget.check(&"a", NOW).is_err());
    }

    #[test]
    fn what_is_counted_is_bounded_forgotten_and_never_shown() {
        let budget = HourlyBudget::new(1);
        for key in 0..=MOST_KEYS {
            budget.take(key, NOW).unwrap();
        }
        assert_eq!(budget.hour(NOW).spent.len(), MOST_KEYS);
        budget.forget_old(NOW + HOUR);
        assert!(budget.hour.lock().unwrap().spent.is_empty());
        assert_eq!(format!("{budget:?}"), "HourlyBudget { limit: 1, .. }");
    }
}
