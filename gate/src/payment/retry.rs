//! How a payment is repeated: docs/adr/0017-gate.md has the argument.

use data_encoding::BASE64URL_NOPAD;
use farthing_protocol::Token;

use crate::pass::Scope;
use crate::prices::Price;
use crate::secret::GateSecret;

const LABEL: &[u8] = b"farthing gate payment v1";

/// A span of 200 seconds, in which every payment is sent to the redeemer under a key that names it.
///
/// The gate keeps nothing, and the redeemer's answer has no time. But the gate can ask under the keys of the spans before:
/// an answer that is kept there was given in that span, and the pass that it was worth ended at a time that the span
/// alone decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucket(u64);

impl Bucket {
    /// Length in seconds. A payment can be repeated until the end of the second span after its own: for 400 seconds at
    /// least, and never for 600.
    pub const SECONDS: u64 = 200;
    /// Ends of passes are multiples of so many seconds.
    const ROUNDING: u64 = 600;

    /// The span that `now` is in.
    pub const fn of(now: u64) -> Self {
        Self(now / Self::SECONDS)
    }

    /// The spans beside this one in which a payment that is repeated now may have been made: those before it, and the next
    /// one, because the clocks of two gates, or one that was set, may differ.
    pub fn others(self) -> Vec<Self> {
        let Self(number) = self;
        let numbers = [number.checked_sub(1), number.checked_sub(2), number.checked_add(1)];
        numbers.into_iter().flatten().map(Self).collect()
    }

    /// When a pass ends that was paid for in this span and is good for `seconds`. It is the same for the first answer and
    /// for each repetition, and rounded up, so that it does not tell when exactly somebody paid.
    pub const fn pass_end(self, seconds: u64) -> u64 {
        let end = self.0.saturating_add(1).saturating_mul(Self::SECONDS).saturating_add(seconds);
        end.div_ceil(Self::ROUNDING).saturating_mul(Self::ROUNDING)
    }
}

/// The Idempotency-Key under which the redeemer is asked to take `tokens` for what `price` opens at `scope`, in the span
/// `bucket`. The same tokens for anything else have another key, and are then spent.
pub fn idempotency_key(
    secret: &GateSecret,
    bucket: Bucket,
    scope: &Scope,
    price: &Price,
    tokens: &[Token],
) -> String {
    let mac = secret
        .mac(LABEL)
        .field(&bucket.0.to_be_bytes())
        .field(scope.host.as_str().as_bytes())
        .field(scope.path.as_bytes())
        .field(&[u8::from(scope.below)])
        .field(&price.price_micros.get().to_be_bytes())
        .field(price.currency.code().as_bytes())
        .field(&price.pass_seconds().to_be_bytes());
    let mac = tokens.iter().fold(mac, |mac, token| mac.field(&token.encode()));
    BASE64URL_NOPAD.encode(&mac.finish())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use farthing_protocol::{Authenticator, ChallengeDigest, Nonce, TokenKeyId};
    use proptest::prelude::*;

    use super::*;

    /// How long a payment can be repeated at most.
    const WINDOW: u64 = 600;

    fn token(number: u8) -> Token {
        Token::new(
            Nonce::from_bytes([number; 32]),
            ChallengeDigest::from_bytes([2; 32]),
            TokenKeyId::from_bytes([3; 32]),
            Authenticator::from_bytes([4; 64]),
        )
    }

    fn price(json: &str) -> Price {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn whatever_is_bought_has_a_key_of_its_own() {
        let secret = GateSecret::from_bytes(&[7; 32]);
        let scope =
            |path: &str, below| Scope { host: "a.example".parse().unwrap(), path: path.into(), below };
        let cent = price(r#"{"path": "/**", "price_micros": 10000, "currency": "EUR"}"#);
        let dear = price(r#"{"path": "/**", "price_micros": 20000, "currency": "EUR"}"#);
        let brief = price(r#"{"path": "/**", "price_micros": 10000, "currency": "EUR", "pass_minutes": 5}"#);
        let other_site = Scope { host: "b.example".parse().unwrap(), ..scope("/a", false) };
        let bucket = Bucket::of(1_000);
        let keys = [
            idempotency_key(&secret, bucket, &scope("/a", false), &cent, &[token(1)]),
            idempotency_key(&secret, Bucket::of(1_200), &scope("/a", false), &cent, &[token(1)]),
            idempotency_key(&secret, bucket, &scope("/b", false), &cent, &[token(1)]),
            idempotency_key(&secret, bucket, &scope("/a", true), &cent, &[token(1)]),
            idempotency_key(&secret, bucket, &other_site, &cent, &[token(1)]),
            idempotency_key(&secret, bucket, &scope("/a", false), &dear, &[token(1)]),
            idempotency_key(&secret, bucket, &scope("/a", false), &brief, &[token(1)]),
            idempotency_key(&secret, bucket, &scope("/a", false), &cent, &[token(2)]),
            idempotency_key(&secret, bucket, &scope("/a", false), &cent, &[token(1), token(2)]),
        ];
        assert_eq!(HashSet::from(keys.clone()).len(), keys.len());
        assert_eq!(
            idempotency_key(&secret, Bucket::of(1_199), &scope("/a", false), &cent, &[token(1)]),
            keys[0]
        );
        assert!(keys.iter().all(|key| key.len() == 43), "the redeemer takes 255 characters");
    }

    proptest! {
        #[test]
        fn a_payment_can_be_repeated_for_some_time_and_then_no_more(paid in 600_u64..1 << 40, after in 0..2_000_u64) {
            let (then, now) = (Bucket::of(paid), Bucket::of(paid + after));
            let found = now == then || now.others().contains(&then);
            prop_assert!(found || after > WINDOW - Bucket::SECONDS, "given up after {} seconds", after);
            prop_assert!(!found || after < WINDOW, "repeated after {} seconds", after);
        }

        #[test]
        fn a_pass_lasts_as_long_as_was_paid_for_and_not_much_longer(paid in 0..1_u64 << 40, seconds in 60..100_000_u64) {
            let end = Bucket::of(paid).pass_end(seconds);
            prop_assert!(end > paid + seconds && end <= paid + seconds + Bucket::SECONDS + Bucket::ROUNDING);
            prop_assert_eq!(end % Bucket::ROUNDING, 0);
        }
    }
}
