use std::collections::BTreeMap;

use farthing_api::{BalanceEntry, TokenResult};
use thiserror::Error;

use super::{Judged, KeyFacts, SpentMark};

/// What becomes of the tokens of one request, given what each is by itself and whether it was spent before
/// (`is_spent` is asked with the index of the key and the mark).
///
/// Atomic: when one is refused none is taken, and those in order are `not-tried`. Every store comes to this result.
pub fn settle(
    atomic: bool,
    tokens: &[Judged],
    is_spent: impl Fn(usize, &SpentMark) -> bool,
) -> Vec<TokenResult> {
    let mut results: Vec<_> = tokens
        .iter()
        .map(|judged| match judged {
            Judged::Refused(result) => *result,
            Judged::Genuine { key, mark } if is_spent(*key, mark) => TokenResult::Spent,
            Judged::Genuine { .. } => TokenResult::Accepted,
        })
        .collect();
    if atomic && results.iter().any(|result| *result != TokenResult::Accepted) {
        for result in results.iter_mut().filter(|result| **result == TokenResult::Accepted) {
            *result = TokenResult::NotTried;
        }
    }
    results
}

/// A sum of credit does not fit into 64 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a sum of credit does not fit into 64 bits")]
pub struct CreditOverflow;

/// Adds up (currency, value of one token in micros, tokens), a line for each currency in the alphabet's order.
///
/// # Errors
/// A sum beyond 64 bits.
pub fn sum_by_currency<'a>(
    amounts: impl IntoIterator<Item = (&'a str, u64, u64)>,
) -> Result<Vec<BalanceEntry>, CreditOverflow> {
    let mut sums: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for (currency, value_micros, tokens) in amounts {
        let micros = value_micros.checked_mul(tokens).ok_or(CreditOverflow)?;
        let (micros_sum, tokens_sum) = sums.entry(currency).or_default();
        *micros_sum = micros_sum.checked_add(micros).ok_or(CreditOverflow)?;
        *tokens_sum = tokens_sum.checked_add(tokens).ok_or(CreditOverflow)?;
    }
    let line = |(currency, (micros, tokens)): (&str, _)| BalanceEntry {
        currency: currency.to_owned(),
        micros,
        tokens,
    };
    Ok(sums.into_iter().map(line).collect())
}

/// How many tokens of each key were accepted, by the index of the key.
pub fn accepted_by_key(tokens: &[Judged], results: &[TokenResult], keys: usize) -> Vec<u64> {
    let mut counts = vec![0; keys];
    for (judged, result) in tokens.iter().zip(results) {
        if let (Judged::Genuine { key, .. }, TokenResult::Accepted) = (judged, result)
            && let Some(count) = counts.get_mut(*key)
        {
            *count += 1;
        }
    }
    counts
}

/// What accepting `counts` tokens of `keys` credits.
///
/// # Errors
/// A sum beyond 64 bits.
pub fn credited(keys: &[KeyFacts], counts: &[u64]) -> Result<Vec<BalanceEntry>, CreditOverflow> {
    sum_by_currency(keys.iter().zip(counts).filter(|(_, count)| **count > 0).map(|(key, count)| {
        (key.denomination.currency().code(), key.denomination.value_micros().get(), *count)
    }))
}

#[cfg(test)]
mod tests {
    use farthing_protocol::Authenticator;

    use super::*;

    fn genuine(byte: u8) -> Judged {
        Judged::Genuine { key: 0, mark: SpentMark::of(&Authenticator::from_bytes([byte; 64])) }
    }

    #[test]
    fn one_refusal_stops_an_atomic_redemption_and_no_other() {
        use TokenResult::{Accepted, Invalid, NotTried, Spent};
        let spent = |_: usize, mark: &SpentMark| mark.as_bytes()[0] == 9;
        for (tokens, each, together) in [
            (vec![genuine(1), genuine(2)], vec![Accepted, Accepted], vec![Accepted, Accepted]),
            (vec![genuine(1), genuine(9)], vec![Accepted, Spent], vec![NotTried, Spent]),
            (vec![Judged::Refused(Invalid), genuine(1)], vec![Invalid, Accepted], vec![Invalid, NotTried]),
            (vec![Judged::Refused(Invalid), genuine(9)], vec![Invalid, Spent], vec![Invalid, Spent]),
        ] {
            assert_eq!(settle(false, &tokens, spent), each);
            assert_eq!(settle(true, &tokens, spent), together);
        }
    }

    #[test]
    fn sums_are_by_currency_and_never_wrap() {
        let sums = sum_by_currency([("USD", 5, 2), ("EUR", 10_000, 3), ("USD", 7, 1)]).unwrap();
        let line =
            |currency: &str, micros, tokens| BalanceEntry { currency: currency.to_owned(), micros, tokens };
        assert_eq!(sums, [line("EUR", 30_000, 3), line("USD", 17, 3)]);
        assert_eq!(sum_by_currency([("EUR", u64::MAX, 2)]), Err(CreditOverflow));
        assert_eq!(sum_by_currency([("EUR", u64::MAX, 1), ("EUR", 1, 1)]), Err(CreditOverflow));
    }

    #[test]
    fn accepted_tokens_are_counted_under_their_key() {
        let mut other = genuine(3);
        if let Judged::Genuine { key, .. } = &mut other {
            *key = 1;
        }
        let tokens = [genuine(1), other, genuine(2), Judged::Refused(TokenResult::Invalid)];
        let results = settle(false, &tokens, |_, mark| mark.as_bytes()[0] == 2);
        assert_eq!(accepted_by_key(&tokens, &results, 2), [1, 1]);
    }
}
