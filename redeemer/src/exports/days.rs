use farthing_protocol::Day;
use serde::{Deserialize, Serialize};

/// A range of days in UTC, both ends included; open where no day is said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Days {
    /// The first.
    pub from: Option<Day>,
    /// The last.
    pub through: Option<Day>,
}

impl Days {
    /// Whether a day is one of them.
    pub fn contain(&self, day: Day) -> bool {
        self.from.is_none_or(|from| from <= day) && self.through.is_none_or(|through| day <= through)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_are_included() {
        let day = |text: &str| text.parse().unwrap();
        let november = Days { from: Some(day("2026-11-01")), through: Some(day("2026-11-30")) };
        for (text, contained) in
            [("2026-10-31", false), ("2026-11-01", true), ("2026-11-30", true), ("2026-12-01", false)]
        {
            assert_eq!(november.contain(day(text)), contained, "{text}");
            assert!(Days::default().contain(day(text)));
        }
    }
}
