use std::fmt;
use std::str::FromStr;

use jiff::SignedDuration;
use jiff::civil::Date;
use thiserror::Error;

use crate::text_form::text_form;

/// Seconds of a day in unix time, which has no leap seconds.
pub const SECONDS_PER_DAY: u64 = 86_400;

const EPOCH: Date = Date::constant(1970, 1, 1);

/// A day in UTC, counted from 1970-01-01 and shown as `YYYY-MM-DD`.
///
/// Everything that ends or begins does so at a day's start, so that no schedule singles anyone out. Days reach to
/// 9999-12-31, the last that has ten characters.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Day(u32);

impl Day {
    /// 9999-12-31.
    pub const MAX: Self = Self(2_932_896);

    /// The day with this number, 0 being 1970-01-01; `None` after 9999-12-31.
    pub const fn from_number(number: u32) -> Option<Self> {
        if number <= Self::MAX.0 { Some(Self(number)) } else { None }
    }

    /// The day in which a unix second lies; seconds after 9999-12-31 lie in [`Self::MAX`].
    pub fn from_unix(second: u64) -> Self {
        u32::try_from(second / SECONDS_PER_DAY).ok().and_then(Self::from_number).unwrap_or(Self::MAX)
    }

    /// The day that starts at exactly this unix second, if one does.
    pub fn starting_at(second: u64) -> Option<Self> {
        let day = Self::from_unix(second);
        (day.start() == second).then_some(day)
    }

    /// Days since 1970-01-01.
    pub const fn number(self) -> u32 {
        self.0
    }

    /// The day's first unix second.
    pub fn start(self) -> u64 {
        u64::from(self.0) * SECONDS_PER_DAY
    }

    /// The day after, and [`Self::MAX`] after itself.
    #[must_use]
    pub fn next(self) -> Self {
        self.plus(1)
    }

    /// The first day of its month.
    #[must_use]
    pub fn first_of_month(self) -> Self {
        let since_epoch = SignedDuration::from_hours(24 * i64::from(self.0));
        let day = EPOCH.checked_add(since_epoch).map_or(1, Date::day);
        Self(self.0.saturating_sub(u32::try_from(day).unwrap_or(1).saturating_sub(1)))
    }

    /// The day before; `None` before 1970-01-01.
    pub const fn previous(self) -> Option<Self> {
        match self.0.checked_sub(1) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    /// The day `days` later, at most [`Self::MAX`].
    #[must_use]
    pub fn plus(self, days: u32) -> Self {
        Self(self.0.saturating_add(days)).min(Self::MAX)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let since_epoch = SignedDuration::from_hours(24 * i64::from(self.0));
        let date = EPOCH.checked_add(since_epoch).map_err(|_| fmt::Error)?;
        write!(f, "{:04}-{:02}-{:02}", date.year(), date.month(), date.day())
    }
}

impl fmt::Debug for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Day({self})")
    }
}

/// Text that is not a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not a day from 1970-01-01 to 9999-12-31, as YYYY-MM-DD")]
pub struct InvalidDay;

impl FromStr for Day {
    type Err = InvalidDay;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text).ok_or(InvalidDay)
    }
}

impl Day {
    /// Reads the one form that Display writes, so that a day has one text.
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let year = number(parts.next()?, 4)?;
        let month = number(parts.next()?, 2)?;
        let day = number(parts.next()?, 2)?;
        if parts.next().is_some() {
            return None;
        }
        let date = Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()?;
        let days = date.duration_since(EPOCH).as_hours() / 24;
        u32::try_from(days).ok().and_then(Self::from_number)
    }
}

fn number(digits: &str, length: usize) -> Option<i16> {
    let plain = digits.len() == length && digits.bytes().all(|byte| byte.is_ascii_digit());
    if plain { digits.parse().ok() } else { None }
}

text_form!(Day);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_days() {
        for (text, number) in
            [("1970-01-01", 0), ("2000-02-29", 11_016), ("2026-11-21", 20_778), ("9999-12-31", 2_932_896)]
        {
            let day = Day::from_number(number).unwrap();
            assert_eq!(day.to_string(), text);
            assert_eq!(text.parse(), Ok(day));
            assert_eq!(serde_json::from_str::<Day>(&format!("\"{text}\"")).unwrap(), day);
        }
        assert_eq!(format!("{:?}", Day(0)), "Day(1970-01-01)");
    }

    #[test]
    fn a_day_has_one_text() {
        for wrong in [
            "",
            "2026-1-1",
            "2026-01-1",
            "20260101",
            "2026-02-29",
            "2026-13-01",
            "2026-00-10",
            "1969-12-31",
            "+2026-01-01",
            "2026-01-01 ",
            "2026-01-01T00",
            "02026-01-01",
            "2026-01-01-",
            "-026-01-01",
            "2026-+1-01",
        ] {
            assert_eq!(wrong.parse::<Day>(), Err(InvalidDay), "{wrong}");
        }
    }

    #[test]
    fn arithmetic_stays_within_the_calendar() {
        assert_eq!(Day::from_unix(u64::MAX), Day::MAX);
        assert_eq!(Day::MAX.next(), Day::MAX);
        assert_eq!(Day(5).plus(u32::MAX), Day::MAX);
        assert_eq!(Day::from_number(2_932_897), None);
        assert_eq!(Day::starting_at(86_400), Some(Day(1)));
        assert_eq!(Day::starting_at(86_401), None);
        assert_eq!(Day::starting_at(u64::MAX), None);
    }

    proptest! {
        #[test]
        fn seconds_lie_in_their_day(second in 0..253_402_300_800_u64) {
            let day = Day::from_unix(second);
            prop_assert!(day.start() <= second && second < day.start() + SECONDS_PER_DAY);
            prop_assert_eq!(day.to_string().parse(), Ok(day));
        }

        #[test]
        fn a_month_begins_with_its_first(number in 0..=Day::MAX.0) {
            let day = Day(number);
            let first = day.first_of_month();
            prop_assert_eq!(first.to_string(), format!("{}-01", &day.to_string()[..7]));
            prop_assert_eq!(day.previous().map_or(Day(0), Day::next), day);
        }

        #[test]
        fn what_parses_shows_the_same(text in "[0-9]{4}-[0-9]{2}-[0-9]{2}|\\PC{0,12}") {
            if let Ok(day) = text.parse::<Day>() {
                prop_assert_eq!(day.to_string(), text);
            }
        }
    }
}
