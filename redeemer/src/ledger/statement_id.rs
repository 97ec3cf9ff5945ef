use std::fmt;
use std::str::FromStr;

use farthing_protocol::{Currency, Day};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Which of a publisher's statements: its currency and last day, as `EUR.2026-11-30`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct StatementId {
    /// The currency.
    pub currency: Currency,
    /// The last day.
    pub through: Day,
}

impl fmt::Display for StatementId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.currency, self.through)
    }
}

/// Text that is no statement's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not a statement's id such as EUR.2026-11-30, a currency and a day")]
pub struct InvalidStatementId;

impl FromStr for StatementId {
    type Err = InvalidStatementId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (currency, day) = text.split_once('.').ok_or(InvalidStatementId)?;
        let currency = currency.parse().map_err(|_| InvalidStatementId)?;
        Ok(Self { currency, through: day.parse().map_err(|_| InvalidStatementId)? })
    }
}

impl From<StatementId> for String {
    fn from(id: StatementId) -> Self {
        id.to_string()
    }
}

impl TryFrom<String> for StatementId {
    type Error = InvalidStatementId;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_its_text() {
        let text = "EUR.2026-11-30";
        assert_eq!(text.parse::<StatementId>().unwrap().to_string(), text);
        for wrong in ["", "EUR", "EUR.2026-11", "eur.2026-11-30", "EUR.2026-11-31"] {
            assert_eq!(wrong.parse::<StatementId>(), Err(InvalidStatementId), "{wrong}");
        }
    }
}
