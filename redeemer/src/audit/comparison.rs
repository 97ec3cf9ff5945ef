use std::collections::BTreeMap;

use farthing_protocol::{Day, Denomination, TokenKeyId};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::Issued;
use crate::store::RedeemedTotal;

/// What a comparison showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The last day of the issuer's totals.
    pub issued_through: Day,
    /// The last day whose redemptions were compared.
    pub compared_through: Day,
    /// One entry a key that either service has counted.
    pub keys: Vec<KeyCount>,
}

/// The counts of one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyCount {
    /// The key.
    pub token_key_id: TokenKeyId,
    /// What each token is worth.
    pub denomination: Denomination,
    /// Tokens issued.
    pub issued: u64,
    /// Tokens redeemed.
    pub redeemed: u64,
    /// Redeemed and never issued.
    pub excess: u64,
}

/// Why nothing was compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CompareError {
    /// The two know a key, and not as the same.
    #[error("issuer and redeemer disagree about the value of a token of key {0}")]
    Denomination(TokenKeyId),
    /// No finished day is in both.
    #[error("no day has ended yet that could be compared; audit tomorrow")]
    NoDay,
    /// The counts of a key leave 64 bits.
    #[error("the counts of key {0} add up to more than can be counted")]
    Overflow(TokenKeyId),
}

impl Report {
    /// The keys of which more was redeemed than issued.
    pub fn excesses(&self) -> impl Iterator<Item = &KeyCount> {
        self.keys.iter().filter(|key| key.excess > 0)
    }
}

/// Compares what was redeemed with what the issuer says.
///
/// A token is redeemed on the day it was issued or later, so redemptions through a day are compared with all that was
/// issued through that day or a later one. Redemptions of days that the issuer has not published, and of today, are left
/// out.
///
/// # Errors
/// [`CompareError`].
pub fn compare(
    issued: &Issued,
    redeemed: &[(TokenKeyId, Day, RedeemedTotal)],
    today: Day,
) -> Result<Report, CompareError> {
    let yesterday = today.previous().ok_or(CompareError::NoDay)?;
    let compared_through = yesterday.min(issued.through);
    let mut keys: BTreeMap<TokenKeyId, KeyCount> = BTreeMap::new();
    let count = |token_key_id, denomination, issued| KeyCount {
        token_key_id,
        denomination,
        issued,
        redeemed: 0,
        excess: 0,
    };
    for (id, denomination, tokens) in &issued.keys {
        keys.insert(*id, count(*id, *denomination, *tokens));
    }
    for (id, _, total) in redeemed.iter().filter(|(_, day, _)| *day <= compared_through) {
        let key = keys.entry(*id).or_insert_with(|| count(*id, total.denomination, 0));
        if key.denomination != total.denomination {
            return Err(CompareError::Denomination(*id));
        }
        key.redeemed = key.redeemed.checked_add(total.tokens).ok_or(CompareError::Overflow(*id))?;
        key.excess = key.redeemed.saturating_sub(key.issued);
    }
    Ok(Report { issued_through: issued.through, compared_through, keys: keys.into_values().collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(number: u32) -> Day {
        Day::from_number(20_000 + number).unwrap()
    }

    fn id(byte: u8) -> TokenKeyId {
        TokenKeyId::from_bytes([byte; 32])
    }

    fn issued(through: u32, tokens: u64) -> Issued {
        Issued { through: day(through), keys: vec![(id(1), "EUR-10000".parse().unwrap(), tokens)] }
    }

    fn redeemed(key: u8, on: u32, tokens: u64) -> (TokenKeyId, Day, RedeemedTotal) {
        (id(key), day(on), RedeemedTotal { denomination: "EUR-10000".parse().unwrap(), tokens })
    }

    fn excesses(issued: &Issued, redeemed: &[(TokenKeyId, Day, RedeemedTotal)], today: u32) -> Vec<u64> {
        compare(issued, redeemed, day(today)).unwrap().excesses().map(|key| key.excess).collect()
    }

    #[test]
    fn more_redeemed_than_issued_is_an_excess_and_so_is_a_key_that_never_issued() {
        assert_eq!(excesses(&issued(5, 10), &[redeemed(1, 4, 4), redeemed(1, 5, 6)], 6), [0_u64; 0]);
        assert_eq!(excesses(&issued(5, 10), &[redeemed(1, 4, 4), redeemed(1, 5, 7)], 6), [1]);
        assert_eq!(excesses(&issued(5, 10), &[redeemed(9, 5, 1)], 6), [1]);
    }

    #[test]
    fn only_days_that_both_have_finished_are_compared() {
        let of_today = [redeemed(1, 5, 10), redeemed(1, 6, 90)];
        assert_eq!(excesses(&issued(5, 10), &of_today, 6), [0_u64; 0], "today is left out");
        assert_eq!(excesses(&issued(5, 10), &of_today, 7), [0_u64; 0], "the issuer has not published it");
        assert_eq!(excesses(&issued(6, 10), &of_today, 7), [90]);
        assert_eq!(excesses(&issued(6, 10), &of_today, 6), [0_u64; 0], "an issuer whose clock is ahead");
        let report = compare(&issued(9, 10), &of_today, day(7)).unwrap();
        assert_eq!((report.compared_through, report.issued_through), (day(6), day(9)));
    }

    #[test]
    fn a_key_is_worth_the_same_on_both_sides() {
        let (key, on, total) = redeemed(1, 5, 1);
        let other = RedeemedTotal { denomination: "EUR-20000".parse().unwrap(), ..total };
        assert_eq!(
            compare(&issued(5, 10), &[(key, on, other)], day(6)),
            Err(CompareError::Denomination(id(1)))
        );
    }
}
