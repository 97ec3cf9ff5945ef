use farthing_api::{BalanceEntry, Envelope, RedemptionAnswer, TokenResult};
use farthing_protocol::Day;
use serde::{Deserialize, Serialize};

/// What became of a redemption.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// One result a token, in the request's order. The store keeps a letter for each, since there may be a thousand.
    #[serde(with = "letters")]
    pub results: Vec<TokenResult>,
    /// What was credited, a line for each currency.
    pub credited: Vec<BalanceEntry>,
    /// The day of the credit.
    pub day: Day,
}

impl Answer {
    /// An answer that credits nothing.
    pub const fn refusing(results: Vec<TokenResult>, day: Day) -> Self {
        Self { results, credited: Vec::new(), day }
    }

    /// The answer as JSON shows it.
    pub fn into_view(self, replayed: bool, receipt: Option<Envelope>) -> RedemptionAnswer {
        let accepted = self.results.iter().filter(|result| **result == TokenResult::Accepted).count();
        RedemptionAnswer {
            accepted: u32::try_from(accepted).unwrap_or(u32::MAX),
            results: self.results,
            credited: self.credited,
            replayed,
            receipt,
        }
    }
}

mod letters {
    use std::borrow::Cow;

    use farthing_api::TokenResult;
    use serde::{Deserialize, Deserializer, Serializer, de};

    const LETTERS: [(TokenResult, char); 7] = [
        (TokenResult::Accepted, 'a'),
        (TokenResult::NotTried, 'n'),
        (TokenResult::Spent, 's'),
        (TokenResult::Expired, 'e'),
        (TokenResult::Revoked, 'r'),
        (TokenResult::UnknownKey, 'u'),
        (TokenResult::Invalid, 'i'),
    ];

    pub(super) fn serialize<S: Serializer>(
        results: &[TokenResult],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let letter = |result: &TokenResult| {
            LETTERS.iter().find(|(other, _)| other == result).map(|(_, letter)| letter)
        };
        serializer.serialize_str(&results.iter().filter_map(letter).collect::<String>())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<TokenResult>, D::Error> {
        let result =
            |letter: char| LETTERS.iter().find(|(_, other)| *other == letter).map(|(result, _)| *result);
        let letters = Cow::<'de, str>::deserialize(deserializer)?;
        letters
            .chars()
            .map(result)
            .collect::<Option<_>>()
            .ok_or_else(|| de::Error::custom("an unknown result"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusing(results: Vec<TokenResult>) -> Answer {
        Answer::refusing(results, Day::from_unix(0))
    }

    #[test]
    fn a_result_is_kept_as_one_letter() {
        use TokenResult::{Accepted, Expired, Invalid, NotTried, Revoked, Spent, UnknownKey};
        let answer = refusing(vec![Accepted, NotTried, Spent, Expired, Revoked, UnknownKey, Invalid]);
        let json = serde_json::to_string(&answer).unwrap();
        assert_eq!(json, r#"{"results":"anserui","credited":[],"day":"1970-01-01"}"#);
        assert_eq!(serde_json::from_str::<Answer>(&json).unwrap(), answer);
        assert!(
            serde_json::from_str::<Answer>(r#"{"results":"ax","credited":[],"day":"1970-01-01"}"#).is_err()
        );
    }

    #[test]
    fn accepted_tokens_are_counted() {
        let view = refusing(vec![TokenResult::Accepted, TokenResult::Spent]).into_view(true, None);
        assert_eq!((view.accepted, view.replayed), (1, true));
    }
}
