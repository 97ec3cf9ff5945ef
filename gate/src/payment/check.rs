use std::collections::HashSet;

use farthing_protocol::Token;

use super::{AcceptedKeys, Refusal};
use crate::prices::Amount;

/// Whether `tokens` pay what is `due`, as far as can be seen without the redeemer. Whoever fails here is answered before
/// anything is spent, and without a question to it.
///
/// # Errors
/// What is wrong with them.
pub fn check(tokens: &[Token], due: Amount, keys: &AcceptedKeys, now: u64) -> Result<(), Refusal> {
    if tokens.is_empty() {
        return Err(Refusal::Unreadable);
    }
    let digest = keys.digest();
    let mut nonces = HashSet::with_capacity(tokens.len());
    let mut paid: i128 = 0;
    for token in tokens {
        if *token.challenge_digest() != digest {
            return Err(Refusal::OtherChallenge);
        }
        let key = keys.find(token.token_key_id()).ok_or(Refusal::KeyUnknown)?;
        if now >= key.redeem_until {
            return Err(Refusal::Expired);
        }
        if key.denomination.currency() != due.currency {
            return Err(Refusal::OtherCurrency { due });
        }
        if !nonces.insert(token.nonce()) {
            return Err(Refusal::Twice);
        }
        paid += i128::from(key.denomination.value_micros().get());
    }
    if paid == i128::from(due.micros.get()) { Ok(()) } else { Err(Refusal::Amount { paid, due }) }
}

#[cfg(test)]
mod tests {
    use farthing_protocol::{
        Authenticator, ChallengeDigest, DERIVATION_INFO, Denomination, IssuerName, Nonce, TokenKeyId,
    };
    use farthing_voprf::SecretKey;

    use super::*;
    use crate::payment::AcceptedKey;

    fn key(seed: u8, denomination: &str, redeem_until: u64) -> AcceptedKey {
        let public_key = SecretKey::derive(&[seed; 32], DERIVATION_INFO).unwrap().public_key().clone();
        let denomination: Denomination = denomination.parse().unwrap();
        AcceptedKey { id: TokenKeyId::of(&public_key), public_key, denomination, redeem_until }
    }

    fn keys() -> AcceptedKeys {
        let keys = vec![
            key(1, "EUR-10000", 100),
            key(2, "EUR-10000", 1_000),
            key(3, "EUR-50000", 1_000),
            key(4, "USD-10000", 1_000),
        ];
        AcceptedKeys::new(IssuerName::new("issuer.example").unwrap(), keys, 5)
    }

    fn due(micros: u64) -> Amount {
        Amount { micros: micros.try_into().unwrap(), currency: "EUR".parse().unwrap() }
    }

    fn token(key: u8, nonce: u8) -> Token {
        let denomination = "EUR-10000";
        let id = self::key(key, denomination, 0).id;
        Token::new(Nonce::from_bytes([nonce; 32]), keys().digest(), id, Authenticator::from_bytes([9; 64]))
    }

    #[test]
    fn exactly_what_is_due_is_taken() {
        let check = |tokens: &[Token], micros, now| check(tokens, due(micros), &keys(), now);
        assert_eq!(check(&[token(2, 1)], 10_000, 500), Ok(()));
        assert_eq!(check(&[token(1, 1), token(2, 2), token(3, 3)], 70_000, 50), Ok(()));
        for (tokens, paid) in [(vec![token(2, 1)], 10_000), (vec![token(3, 1), token(2, 2)], 60_000)] {
            assert_eq!(check(&tokens, 50_000, 500), Err(Refusal::Amount { paid, due: due(50_000) }));
        }
        assert_eq!(check(&[], 50_000, 500), Err(Refusal::Unreadable));
        assert_eq!(check(&[token(1, 1)], 10_000, 100), Err(Refusal::Expired));
        assert_eq!(check(&[token(5, 1)], 10_000, 50), Err(Refusal::KeyUnknown));
        assert_eq!(check(&[token(4, 1)], 10_000, 50), Err(Refusal::OtherCurrency { due: due(10_000) }));
        assert_eq!(check(&[token(2, 1), token(2, 1)], 20_000, 50), Err(Refusal::Twice));
        let foreign = Token::new(
            Nonce::from_bytes([1; 32]),
            ChallengeDigest::from_bytes([0; 32]),
            *token(2, 1).token_key_id(),
            Authenticator::from_bytes([9; 64]),
        );
        assert_eq!(check(&[foreign], 10_000, 50), Err(Refusal::OtherChallenge));
    }

    #[test]
    fn the_challenge_names_the_keys_that_can_pay() {
        let keys = keys();
        let asked = |micros, now| {
            let value = keys.www_authenticate(due(micros), now)?;
            let header = farthing_protocol::ChallengeHeader::decode(&value).unwrap();
            for challenge in &header.challenges {
                assert_eq!(challenge.token_challenge().unwrap().digest(), keys.digest());
            }
            let price = format!("price-micros=\"{micros}\", currency=\"EUR\"");
            assert_eq!(value.matches(&price).count(), header.challenges.len());
            Some(
                header
                    .challenges
                    .into_iter()
                    .map(|challenge| challenge.token_key.unwrap())
                    .collect::<Vec<_>>(),
            )
        };
        let public = |seed| key(seed, "EUR-10000", 0).public_key.to_bytes().to_vec();
        assert_eq!(asked(50_000, 50), Some(vec![public(3), public(2), public(1)]));
        assert_eq!(asked(20_000, 50), Some(vec![public(2), public(1)]));
        assert_eq!(asked(20_000, 100), Some(vec![public(2)]));
        assert_eq!(asked(60_000, 50), None, "of six tokens no payment is");
        assert_eq!(asked(100_000, 50), Some(vec![public(3)]));
        assert_eq!(asked(5_000, 50), None);
        assert_eq!(asked(10_000, 1_000), None);
    }
}
