use thiserror::Error;

use crate::Day;

/// When a token key issues and until when its tokens are taken: three days in UTC, strictly increasing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyEpoch {
    not_before: Day,
    issue_until: Day,
    redeem_until: Day,
}

impl KeyEpoch {
    /// Days for which a key issues unless the operator says otherwise.
    pub const DEFAULT_ISSUE_DAYS: u32 = 28;
    /// Days for which its tokens are still taken after that.
    pub const DEFAULT_REDEEM_DAYS: u32 = 84;

    /// An epoch of its three days.
    ///
    /// # Errors
    /// [`InvalidEpoch`] unless `not_before < issue_until < redeem_until`.
    pub fn new(not_before: Day, issue_until: Day, redeem_until: Day) -> Result<Self, InvalidEpoch> {
        if not_before < issue_until && issue_until < redeem_until {
            Ok(Self { not_before, issue_until, redeem_until })
        } else {
            Err(InvalidEpoch { not_before, issue_until, redeem_until })
        }
    }

    /// An epoch that issues for `issue_days` from `not_before` on and redeems for `redeem_days` more.
    ///
    /// # Errors
    /// [`InvalidEpoch`] when a span is zero or reaches the end of the calendar.
    pub fn starting(not_before: Day, issue_days: u32, redeem_days: u32) -> Result<Self, InvalidEpoch> {
        let issue_until = not_before.plus(issue_days);
        Self::new(not_before, issue_until, issue_until.plus(redeem_days))
    }

    /// First day on which the key issues.
    pub const fn not_before(self) -> Day {
        self.not_before
    }

    /// First day on which it no longer issues.
    pub const fn issue_until(self) -> Day {
        self.issue_until
    }

    /// First day on which its tokens are no longer taken.
    pub const fn redeem_until(self) -> Day {
        self.redeem_until
    }

    /// Whether the key issues at the unix second `now`.
    pub fn issues_at(self, now: u64) -> bool {
        self.not_before.start() <= now && now < self.issue_until.start()
    }

    /// Whether its tokens are taken at the unix second `now`. Before `not_before` they are: a clock that is behind
    /// must not cost anyone a token.
    pub fn redeems_at(self, now: u64) -> bool {
        now < self.redeem_until.start()
    }
}

/// Three days that are no epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "not_before {not_before}, issue_until {issue_until}, redeem_until {redeem_until}: each must be before the next"
)]
pub struct InvalidEpoch {
    /// First day of issuing.
    pub not_before: Day,
    /// First day after issuing.
    pub issue_until: Day,
    /// First day after redeeming.
    pub redeem_until: Day,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(number: u32) -> Day {
        Day::from_number(number).unwrap()
    }

    #[test]
    fn days_must_increase() {
        assert!(KeyEpoch::new(day(1), day(2), day(3)).is_ok());
        for (a, b, c) in [(1, 1, 2), (1, 2, 2), (2, 1, 3), (1, 3, 2), (3, 2, 1)] {
            assert!(KeyEpoch::new(day(a), day(b), day(c)).is_err());
        }
        assert!(KeyEpoch::starting(Day::MAX, 28, 84).is_err());
        assert!(KeyEpoch::starting(day(1), 0, 84).is_err());
    }

    #[test]
    fn it_issues_and_redeems_to_the_second() {
        let epoch = KeyEpoch::starting(day(100), 28, 84).unwrap();
        assert_eq!((epoch.issue_until(), epoch.redeem_until()), (day(128), day(212)));
        let start = |number| day(number).start();
        assert!(!epoch.issues_at(start(100) - 1) && epoch.issues_at(start(100)));
        assert!(epoch.issues_at(start(128) - 1) && !epoch.issues_at(start(128)));
        assert!(epoch.redeems_at(0) && epoch.redeems_at(start(212) - 1) && !epoch.redeems_at(start(212)));
    }
}
