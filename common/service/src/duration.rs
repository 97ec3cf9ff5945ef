//! Spans of time as configuration gives them: whole numbers with a unit, a default and bounds.

use std::fmt;
use std::time::Duration;

use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};

/// A day, beyond which no timeout or period makes sense.
const LONGEST_SECONDS: u64 = 86_400;

/// Whole seconds, 1 to 86 400, `DEFAULT` when the configuration says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seconds<const DEFAULT: u32>(u32);

impl<const DEFAULT: u32> Seconds<DEFAULT> {
    /// The span.
    pub fn duration(self) -> Duration {
        Duration::from_secs(self.0.into())
    }
}

impl<const DEFAULT: u32> Default for Seconds<DEFAULT> {
    fn default() -> Self {
        Self(DEFAULT)
    }
}

impl<'de, const DEFAULT: u32> Deserialize<'de> for Seconds<DEFAULT> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_u32(Whole { longest: LONGEST_SECONDS, unit: "seconds" }).map(Self)
    }
}

/// Whole milliseconds, 1 to 86 400 000, `DEFAULT` when the configuration says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Milliseconds<const DEFAULT: u32>(u32);

impl<const DEFAULT: u32> Milliseconds<DEFAULT> {
    /// The span.
    pub fn duration(self) -> Duration {
        Duration::from_millis(self.0.into())
    }
}

impl<const DEFAULT: u32> Default for Milliseconds<DEFAULT> {
    fn default() -> Self {
        Self(DEFAULT)
    }
}

impl<'de, const DEFAULT: u32> Deserialize<'de> for Milliseconds<DEFAULT> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer
            .deserialize_u32(Whole { longest: LONGEST_SECONDS * 1000, unit: "milliseconds" })
            .map(Self)
    }
}

/// Reads a whole number from 1 to `longest`.
struct Whole {
    longest: u64,
    unit: &'static str,
}

impl Visitor<'_> for Whole {
    type Value = u32;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a whole number of {} from 1 to {}", self.unit, self.longest)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<u32, E> {
        let in_bounds = |value: &u32| (1..=self.longest).contains(&u64::from(*value));
        u32::try_from(value)
            .ok()
            .filter(in_bounds)
            .ok_or_else(|| E::invalid_value(Unexpected::Signed(value), &self))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<u32, E> {
        self.visit_i64(i64::try_from(value).unwrap_or(i64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_and_the_bounds_hold() {
        assert_eq!(Seconds::<5>::default().duration(), Duration::from_secs(5));
        assert_eq!(Milliseconds::<2000>::default().duration(), Duration::from_secs(2));
        let seconds = |text: &str| serde_json::from_str::<Seconds<5>>(text).map(Seconds::duration);
        assert_eq!(seconds("86400").unwrap(), Duration::from_hours(24));
        for text in ["0", "86401", "-1", "1.5", "\"1\"", "4294967297", "18446744073709551615"] {
            let error = seconds(text).unwrap_err().to_string();
            assert!(error.contains("expected a whole number of seconds from 1 to 86400"), "{error}");
        }
    }
}
