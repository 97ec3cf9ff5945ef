use std::collections::{BTreeMap, HashMap};

use farthing_api::{Envelope, RECEIPT_PAYLOAD_TYPE, Receipt};
use farthing_protocol::Day;
use farthing_service::verification_key::{EnvelopeError, VerificationKey, open_by_any};
use thiserror::Error;

/// What receipts come to, each counted once.
#[derive(Debug, Default)]
pub struct Claims {
    /// By publisher, redemption and day: an Idempotency-Key may be used again once its answer is forgotten, days later.
    seen: HashMap<(String, [u8; 16], String), Receipt>,
    given_again: u64,
    sums: BTreeMap<(String, Day, String), Claim>,
}

/// What the receipts of a publisher, day and currency come to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Claim {
    /// How many receipts.
    pub receipts: u64,
    /// Tokens that were taken.
    pub tokens: u64,
    /// What they are worth, in millionths of the currency's unit.
    pub micros: u64,
}

/// Why a receipt proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InvalidReceipt {
    /// The redeemer did not sign it.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    /// It is signed and makes no sense.
    #[error("its day is not a day, YYYY-MM-DD")]
    Day,
    /// Two receipts of one redemption differ.
    #[error("another receipt of the same redemption says something else")]
    Contradiction,
    /// The amounts are beyond 64 bits.
    #[error("the receipts come to more than 64 bits hold")]
    Overflow,
}

impl Claims {
    /// Counts a receipt that one of `keys` signed. One that was counted before is not counted again, whichever signed it.
    ///
    /// # Errors
    /// [`InvalidReceipt`]. It is not counted.
    pub fn add(&mut self, envelope: &Envelope, keys: &[VerificationKey]) -> Result<(), InvalidReceipt> {
        let receipt: Receipt = open_by_any(keys, RECEIPT_PAYLOAD_TYPE, envelope)?;
        let id = (receipt.publisher.clone(), receipt.redemption.0, receipt.day.clone());
        if let Some(known) = self.seen.get(&id) {
            self.given_again += 1;
            return if *known == receipt { Ok(()) } else { Err(InvalidReceipt::Contradiction) };
        }
        let day: Day = receipt.day.parse().map_err(|_| InvalidReceipt::Day)?;
        let sums = receipt.credited.iter().map(|credit| {
            let at = (receipt.publisher.clone(), day, credit.currency.clone());
            let before = self.sums.get(&at).copied().unwrap_or_default();
            let sum = Claim {
                receipts: before.receipts.checked_add(1)?,
                tokens: before.tokens.checked_add(credit.tokens)?,
                micros: before.micros.checked_add(credit.micros)?,
            };
            Some((at, sum))
        });
        let sums = sums.collect::<Option<Vec<_>>>().ok_or(InvalidReceipt::Overflow)?;
        self.sums.extend(sums);
        self.seen.insert(id, receipt);
        Ok(())
    }

    /// How many receipts were counted.
    pub fn counted(&self) -> usize {
        self.seen.len()
    }

    /// How many more were given that had been counted before.
    pub const fn given_again(&self) -> u64 {
        self.given_again
    }

    /// Publisher, day and currency, and what the receipts of each come to.
    pub fn sums(&self) -> impl Iterator<Item = (&str, Day, &str, Claim)> {
        let sums = self.sums.iter();
        sums.map(|((publisher, day, currency), claim)| (publisher.as_str(), *day, currency.as_str(), *claim))
    }
}

#[cfg(test)]
mod tests {
    use farthing_api::{BalanceEntry, Base64Url};
    use farthing_service::signing_key::SigningKey;

    use super::*;

    fn receipt(redemption: u8, tokens: u64) -> Receipt {
        Receipt {
            redemption: Base64Url([redemption; 16]),
            publisher: "P".to_owned(),
            day: "2026-11-21".to_owned(),
            credited: vec![BalanceEntry { currency: "EUR".to_owned(), micros: tokens * 10_000, tokens }],
        }
    }

    fn setting() -> (impl Fn(&Receipt) -> Envelope, [VerificationKey; 1]) {
        setting_of(1)
    }

    fn setting_of(seed: u8) -> (impl Fn(&Receipt) -> Envelope, [VerificationKey; 1]) {
        let key = SigningKey::from_seed(&[seed; 32]);
        let pinned = key.jwk_set().keys[0].x.to_string().parse().unwrap();
        (move |receipt: &Receipt| key.sign_envelope(RECEIPT_PAYLOAD_TYPE, receipt).unwrap(), [pinned])
    }

    #[test]
    fn a_redemption_counts_once() {
        let (sign, key) = setting();
        let mut claims = Claims::default();
        for (redemption, tokens) in [(1, 3), (2, 4), (1, 3)] {
            claims.add(&sign(&receipt(redemption, tokens)), &key).unwrap();
        }
        let sums: Vec<_> = claims.sums().collect();
        let day = "2026-11-21".parse().unwrap();
        assert_eq!(sums, [("P", day, "EUR", Claim { receipts: 2, tokens: 7, micros: 70_000 })]);
        assert_eq!((claims.counted(), claims.given_again()), (2, 1));
    }

    #[test]
    fn receipts_of_the_key_before_and_of_the_one_after_add_up() {
        let ((sign_before, before), (sign_after, after)) = (setting_of(1), setting_of(2));
        let keys = [before, after].concat();
        let mut claims = Claims::default();
        claims.add(&sign_before(&receipt(1, 3)), &keys).unwrap();
        // It was asked for again after the key was replaced.
        claims.add(&sign_after(&receipt(1, 3)), &keys).unwrap();
        claims.add(&sign_after(&receipt(2, 4)), &keys).unwrap();
        assert_eq!(claims.sums().map(|(.., claim)| claim.tokens).collect::<Vec<_>>(), [7]);
        assert_eq!((claims.counted(), claims.given_again()), (2, 1));
    }

    #[test]
    fn what_proves_nothing_is_not_counted() {
        let (sign, key) = setting();
        let mut claims = Claims::default();
        claims.add(&sign(&receipt(1, 3)), &key).unwrap();
        let mut forged = sign(&receipt(2, 3));
        forged.payload.0 = serde_json::to_vec(&receipt(2, 300)).unwrap();
        assert_eq!(claims.add(&forged, &key), Err(InvalidReceipt::Envelope(EnvelopeError::Signature)));
        assert_eq!(claims.add(&sign(&receipt(1, 4)), &key), Err(InvalidReceipt::Contradiction));
        let undated = Receipt { day: "yesterday".to_owned(), ..receipt(3, 1) };
        assert_eq!(claims.add(&sign(&undated), &key), Err(InvalidReceipt::Day));
        let mut huge = receipt(4, 1);
        huge.credited[0].micros = u64::MAX;
        assert_eq!(claims.add(&sign(&huge), &key), Err(InvalidReceipt::Overflow));
        assert_eq!(claims.sums().map(|(.., claim)| claim.tokens).collect::<Vec<_>>(), [3]);
    }
}
