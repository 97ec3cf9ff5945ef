use std::collections::{BTreeMap, HashSet};

use farthing_api::Statement;
use farthing_protocol::Day;
use thiserror::Error;

/// What statements credit for tokens, by publisher, day and currency.
#[derive(Debug, Default)]
pub struct Stated {
    seen: HashSet<(String, String)>,
    periods: Vec<(String, String, Day, Day)>,
    micros: BTreeMap<(String, Day, String), u64>,
}

/// What statements credit for the tokens of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatedDay {
    /// How much, in millionths of the currency's unit.
    pub micros: u64,
    /// Whether the day is in the period of one of them. Otherwise they have only what came late for it, and the statement
    /// whose day it is has the rest.
    pub is_in_period: bool,
}

/// A statement that is signed and makes no sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the statement contradicts itself: {0}")]
pub struct InvalidStatement(&'static str);

impl Stated {
    /// Adds a statement; one that was added before is not counted again.
    ///
    /// # Errors
    /// It makes no sense. Nothing of it is added.
    pub fn add(&mut self, statement: &Statement) -> Result<(), InvalidStatement> {
        let Statement { publisher, summary, credits, .. } = statement;
        let id = (publisher.clone(), summary.id.clone());
        if self.seen.contains(&id) {
            return Ok(());
        }
        let day = |text: &str| text.parse::<Day>().map_err(|_| InvalidStatement("a day is not a day"));
        let (from, through) = (day(&summary.from)?, day(&summary.through)?);
        let mut sums = BTreeMap::new();
        for credit in credits {
            let at = (publisher.clone(), day(&credit.day)?, summary.currency.clone());
            let before = self.micros.get(&at).copied().unwrap_or_default();
            let sum = sums.entry(at).or_insert(before);
            let micros = credit.value_micros.checked_mul(credit.tokens);
            *sum = micros
                .and_then(|micros| sum.checked_add(micros))
                .ok_or(InvalidStatement("a sum is too large"))?;
        }
        self.seen.insert(id);
        self.periods.push((publisher.clone(), summary.currency.clone(), from, through));
        self.micros.extend(sums);
        Ok(())
    }

    /// What was credited that day; none where no statement says anything of it.
    pub fn day(&self, publisher: &str, day: Day, currency: &str) -> Option<StatedDay> {
        let credited = self.micros.get(&(publisher.to_owned(), day, currency.to_owned())).copied();
        let is_in_period = self.periods.iter().any(|(of, in_, from, through)| {
            of == publisher && in_ == currency && (*from..=*through).contains(&day)
        });
        let micros = credited.or(is_in_period.then_some(0))?;
        Some(StatedDay { micros, is_in_period })
    }
}

#[cfg(test)]
mod tests {
    use farthing_api::{StatementCredit, StatementSummary};

    use super::*;

    fn statement(through: &str, credits: &[(&str, u64)]) -> Statement {
        let credit = |(day, tokens): &(&str, u64)| StatementCredit {
            day: (*day).to_owned(),
            value_micros: 10_000,
            tokens: *tokens,
        };
        Statement {
            publisher: "P".to_owned(),
            summary: StatementSummary {
                id: format!("EUR.{through}"),
                currency: "EUR".to_owned(),
                from: "2026-11-01".to_owned(),
                through: through.to_owned(),
                closed: "2026-12-01".to_owned(),
                commission_basis_points: 0,
                carried_in_micros: 0,
                gross_micros: 0,
                fee_micros: 0,
                net_minor: 0,
                carried_micros: 0,
            },
            credits: credits.iter().map(credit).collect(),
            adjustments: Vec::new(),
        }
    }

    #[test]
    fn a_day_without_a_line_is_stated_as_nothing_and_one_outside_not_at_all() {
        let mut stated = Stated::default();
        let november = statement("2026-11-30", &[("2026-11-02", 3), ("2026-10-31", 1)]);
        stated.add(&november).unwrap();
        stated.add(&november).unwrap();
        let seen = |publisher, day: &str, currency| {
            let seen = stated.day(publisher, day.parse().unwrap(), currency);
            seen.map(|StatedDay { micros, is_in_period }| (micros, is_in_period))
        };
        assert_eq!(seen("P", "2026-11-02", "EUR"), Some((30_000, true)));
        assert_eq!(seen("P", "2026-10-31", "EUR"), Some((10_000, false)), "a line that came late");
        assert_eq!(seen("P", "2026-11-30", "EUR"), Some((0, true)));
        assert_eq!(seen("P", "2026-12-01", "EUR"), None);
        assert_eq!(seen("P", "2026-11-02", "USD"), None);
        assert_eq!(seen("Q", "2026-11-02", "EUR"), None);
    }

    #[test]
    fn a_statement_that_makes_no_sense_is_refused() {
        let mut stated = Stated::default();
        for wrong in [("soon", 1), ("2026-11-02", u64::MAX)] {
            assert!(stated.add(&statement("2026-11-30", &[("2026-11-01", 1), wrong])).is_err());
        }
        assert_eq!(stated.day("P", "2026-11-01".parse().unwrap(), "EUR"), None);
    }
}
