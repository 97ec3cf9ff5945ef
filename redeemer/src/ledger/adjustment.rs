use std::str::FromStr;

use farthing_protocol::{Day, Denomination};
use farthing_service::record::Record;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{EntryId, Remark};
use crate::publishers::PublisherId;

/// An entry of the operator's: tokens that a publisher has more, or less, beside what it was credited. It is never
/// changed and never removed; a wrong one gets an opposite one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Adjustment {
    /// Its id, which no other entry of the publisher has.
    pub id: EntryId,
    /// Whose.
    pub publisher: PublisherId,
    /// The day that it is about.
    pub day: Day,
    /// What each token is worth.
    pub denomination: Denomination,
    /// How many.
    pub tokens: SignedTokens,
    /// Why.
    pub reason: Remark,
    /// The day on which it was made.
    pub made: Day,
}

impl Record for Adjustment {
    const KIND: &'static str = "adjustment";
    const VERSION: u8 = 1;
}

impl Adjustment {
    /// Whether `other` says the same, be it made on another day: then it is a repetition.
    pub fn says_the_same(&self, other: &Self) -> bool {
        Self { made: other.made, ..self.clone() } == *other
    }
}

/// A number of tokens other than none, at most 2^53 - 1 either way: what every JSON reader keeps exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct SignedTokens(i64);

/// What is no [`SignedTokens`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "write a whole number of tokens such as 5 or -5: not 0, and at most {} either way",
    SignedTokens::MOST
)]
pub struct InvalidTokens;

impl SignedTokens {
    const MOST: i64 = (1 << 53) - 1;

    /// The number.
    pub const fn get(self) -> i64 {
        self.0
    }
}

impl TryFrom<i64> for SignedTokens {
    type Error = InvalidTokens;

    fn try_from(tokens: i64) -> Result<Self, Self::Error> {
        let fits = tokens != 0 && (-Self::MOST..=Self::MOST).contains(&tokens);
        if fits { Ok(Self(tokens)) } else { Err(InvalidTokens) }
    }
}

impl From<SignedTokens> for i64 {
    fn from(tokens: SignedTokens) -> Self {
        tokens.0
    }
}

impl FromStr for SignedTokens {
    type Err = InvalidTokens;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse::<i64>().map_err(|_| InvalidTokens)?.try_into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_some_and_exact() {
        for (text, tokens) in [("-5", -5), ("5", 5), ("9007199254740991", SignedTokens::MOST)] {
            assert_eq!(text.parse::<SignedTokens>().unwrap().get(), tokens);
        }
        for wrong in ["0", "", "1.5", "9007199254740992", "-9007199254740992", "99999999999999999999"] {
            assert_eq!(wrong.parse::<SignedTokens>(), Err(InvalidTokens), "{wrong}");
        }
    }
}
