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

/// A statement that is signed and makes no sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the statement contradicts itself: {0}")]
pub struct InvalidStatement(&'static str);

impl Stated {
    /// Adds a statement; one that was added before is not counted again.
    ///
    /// # Errors
    /// It makes no sense.
    pub fn add(&mut self, statement: &Statement) -> Result<(), InvalidStatement> {
        let Statement { publisher, summary, credits, .. } = statement;
        if !self.seen.insert((publisher.clone(), summary.id.clone())) {
            return Ok(());
        }
        let day = |text: &str| text.parse::<Day>().map_err(|_| InvalidStatement("a day is not a day"));
        let (from, through) = (day(&summary.from)?, day(&summary.through)?);
        self.periods.push((publisher.clone(), summary.currency.clone(), from, through));
        for credit in credits {
            let at = (publisher.clone(), day(&credit.day)?, summary.currency.clone());
            let micros = credit.value_micros.checked_mul(credit.tokens);
            let sum = self.micros.entry(at).or_default();
            *sum = micros
                .and_then(|micros| sum.checked_add(micros))
                .ok_or(InvalidStatement("a sum is too large"))?;
        }
        Ok(())
    }

    /// What was credited that day, in millionths of the currency's unit; none where no statement is about the day.
    pub fn micros(&self, publisher: &str, day: Day, currency: &str) -> Option<u64> {
        let credited = self.micros.get(&(publisher.to_owned(), day, currency.to_owned())).copied();
        let is_stated = |(of, in_, from, through): &(String, String, Day, Day)| {
            of == publisher && in_ == currency && (*from..=*through).contains(&day)
        };
        credited.or_else(|| self.periods.iter().any(is_stated).then_some(0))
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
        let micros = |day: &str, currency| stated.micros("P", day.parse().unwrap(), currency);
        assert_eq!(micros("2026-11-02", "EUR"), Some(30_000));
        assert_eq!(micros("2026-10-31", "EUR"), Some(10_000), "a line that came late");
        assert_eq!(micros("2026-11-30", "EUR"), Some(0));
        assert_eq!(micros("2026-12-01", "EUR"), None);
        assert_eq!(micros("2026-11-02", "USD"), None);
        assert_eq!(stated.micros("Q", "2026-11-02".parse().unwrap(), "EUR"), None);
    }

    #[test]
    fn a_statement_that_makes_no_sense_is_refused() {
        let wrong = statement("2026-11-30", &[("soon", 1)]);
        assert!(Stated::default().add(&wrong).is_err());
        let wrong = statement("2026-11-30", &[("2026-11-02", u64::MAX)]);
        assert!(Stated::default().add(&wrong).is_err());
    }
}
