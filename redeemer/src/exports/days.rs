use farthing_protocol::Day;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A range of days in UTC, both ends included; open where no day is said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Ends")]
pub struct Days {
    from: Option<Day>,
    through: Option<Day>,
}

/// Days of which none would be meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("`from` is after `through`")]
pub struct NoDays;

/// What is written of [`Days`].
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ends {
    from: Option<Day>,
    through: Option<Day>,
}

impl Days {
    /// The days from the first through the last.
    ///
    /// # Errors
    /// The first is after the last.
    pub fn new(from: Option<Day>, through: Option<Day>) -> Result<Self, NoDays> {
        let is_empty = from.zip(through).is_some_and(|(from, through)| from > through);
        if is_empty { Err(NoDays) } else { Ok(Self { from, through }) }
    }

    /// Whether a day is one of them.
    pub fn contain(&self, day: Day) -> bool {
        self.from.is_none_or(|from| from <= day) && self.through.is_none_or(|through| day <= through)
    }
}

impl TryFrom<Ends> for Days {
    type Error = NoDays;

    fn try_from(Ends { from, through }: Ends) -> Result<Self, NoDays> {
        Self::new(from, through)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    #[test]
    fn both_ends_are_included() {
        let november = Days::new(Some(day("2026-11-01")), Some(day("2026-11-30"))).unwrap();
        for (text, contained) in
            [("2026-10-31", false), ("2026-11-01", true), ("2026-11-30", true), ("2026-12-01", false)]
        {
            assert_eq!(november.contain(day(text)), contained, "{text}");
            assert!(Days::default().contain(day(text)));
        }
        let written = serde_json::to_string(&november).unwrap();
        assert_eq!(serde_json::from_str::<Days>(&written).unwrap(), november);
    }

    #[test]
    fn a_range_of_no_days_is_refused_wherever_it_is_made() {
        let (from, through) = (Some(day("2026-11-02")), Some(day("2026-11-01")));
        assert_eq!(Days::new(from, through), Err(NoDays));
        let written = r#"{"from":"2026-11-02","through":"2026-11-01"}"#;
        assert!(serde_json::from_str::<Days>(written).unwrap_err().to_string().contains("is after"));
        assert!(Days::new(from, from).unwrap().contain(day("2026-11-02")));
    }
}
