use std::collections::{BTreeMap, HashMap};

use farthing_api::Statement;
use farthing_protocol::Day;
use thiserror::Error;

/// What statements credit for tokens, by publisher, day and currency.
#[derive(Debug, Default)]
pub struct Stated {
    /// By publisher and id.
    seen: HashMap<(String, String), Statement>,
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

/// A statement that is signed and cannot be true, or of which that can only be said of one of two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum InvalidStatement {
    /// It makes no sense.
    #[error("the statement contradicts itself: {0}")]
    Contradiction(&'static str),
    /// A statement never changes, and here are two of one id.
    #[error(
        "another statement with its id says otherwise, and that one was counted; keep both: statements never change"
    )]
    Contradicted,
}

impl Stated {
    /// Adds a statement; one that was added before is not counted again.
    ///
    /// # Errors
    /// It makes no sense, or another one with its id was added. Nothing of it is added.
    pub fn add(&mut self, statement: &Statement) -> Result<(), InvalidStatement> {
        let Statement { publisher, summary, credits, .. } = statement;
        let id = (publisher.clone(), summary.id.clone());
        match self.seen.get(&id) {
            Some(seen) if seen == statement => return Ok(()),
            Some(_) => return Err(InvalidStatement::Contradicted),
            None => {}
        }
        let invalid = InvalidStatement::Contradiction;
        let day = |text: &str| text.parse::<Day>().map_err(|_| invalid("a day is not a day"));
        let (from, through) = (day(&summary.from)?, day(&summary.through)?);
        let mut sums = BTreeMap::new();
        for credit in credits {
            let at = (publisher.clone(), day(&credit.day)?, summary.currency.clone());
            let before = self.micros.get(&at).copied().unwrap_or_default();
            let sum = sums.entry(at).or_insert(before);
            let micros = credit.value_micros.checked_mul(credit.tokens);
            *sum = micros.and_then(|micros| sum.checked_add(micros)).ok_or(invalid("a sum is too large"))?;
        }
        self.seen.insert(id, statement.clone());
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
    fn of_two_statements_with_one_id_that_differ_the_second_is_refused() {
        let mut stated = Stated::default();
        stated.add(&statement("2026-11-30", &[("2026-11-02", 3)])).unwrap();
        let other = statement("2026-11-30", &[("2026-11-02", 4)]);
        assert_eq!(stated.add(&other), Err(InvalidStatement::Contradicted));
        assert_eq!(stated.add(&Statement { publisher: "Q".to_owned(), ..other }), Ok(()));
        let seen = stated.day("P", "2026-11-02".parse().unwrap(), "EUR");
        assert_eq!(seen, Some(StatedDay { micros: 30_000, is_in_period: true }));
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
