use std::collections::{HashMap, HashSet};

use farthing_api::TokenResult;
use farthing_protocol::{
    Authenticator, ChallengeDigest, Denomination, Token, TokenInput, TokenKey, TokenKeyId,
};
use farthing_voprf::{BatchError, SecretKey};

use super::{RedemptionRequest, SpentMark};

/// What the keyring knows of a token's key.
pub enum FoundKey<'a> {
    /// Tokens of it are taken.
    Accepted(&'a TokenKey, &'a SecretKey),
    /// Its time is over.
    Expired,
    /// It was revoked.
    Revoked,
    /// There is none.
    Unknown,
}

/// The tokens of a request as they are by themselves, before anybody asks whether they were spent.
pub struct Judgement {
    /// One a token, in the request's order.
    pub tokens: Vec<Judged>,
    /// The keys of the genuine tokens, each once.
    pub keys: Vec<KeyFacts>,
}

/// One token by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judged {
    /// It is refused whatever the spent set says.
    Refused(TokenResult),
    /// Its key made it, and takes it still.
    Genuine {
        /// Which of [`Judgement::keys`].
        key: usize,
        /// What is to be remembered of it.
        mark: SpentMark,
    },
}

/// What a store needs to know of a token key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyFacts {
    /// Its id.
    pub id: TokenKeyId,
    /// What its tokens are worth.
    pub denomination: Denomination,
}

impl Judgement {
    /// How many tokens are genuine under no key: each cost a multiplication, or looked as if it should.
    pub fn invalid(&self) -> usize {
        let is_invalid = |judged: &&Judged| matches!(judged, Judged::Refused(TokenResult::Invalid));
        self.tokens.iter().filter(is_invalid).count()
    }

    /// The answer's results when the spent set need not be asked: no token is genuine, or all are to be taken
    /// together and one is refused already.
    pub fn refused_outright(&self, atomic: bool) -> Option<Vec<TokenResult>> {
        let refused = |judged: &Judged| matches!(judged, Judged::Refused(_));
        let outright = if atomic { self.tokens.iter().any(refused) } else { self.tokens.iter().all(refused) };
        outright.then(|| super::settle(atomic, &self.tokens, |_, _| false))
    }
}

/// Judges each token of `request` by itself: recomputes the authenticators, in one batch for each key.
///
/// `challenge` is the digest of the one challenge that tokens may answer; `find` looks into the keyring. This is the
/// costly part of a redemption, and burns nothing.
///
/// # Errors
/// A token's input has no output, which nobody can bring about.
pub fn judge<'a>(
    request: &RedemptionRequest,
    challenge: &ChallengeDigest,
    find: impl Fn(&TokenKeyId) -> FoundKey<'a>,
) -> Result<Judgement, BatchError> {
    let mut judged = vec![Judged::Refused(TokenResult::Invalid); request.tokens.len()];
    let mut batches: Vec<Batch<'a>> = Vec::new();
    let mut batch_of = HashMap::new();
    for (place, (submitted, judged)) in request.tokens.iter().zip(&mut judged).enumerate() {
        let Some(token) = submitted.decode() else { continue };
        let (facts, secret) = match find(token.token_key_id()) {
            FoundKey::Accepted(facts, secret) => (facts, secret),
            FoundKey::Expired => {
                *judged = Judged::Refused(TokenResult::Expired);
                continue;
            }
            FoundKey::Revoked => {
                *judged = Judged::Refused(TokenResult::Revoked);
                continue;
            }
            FoundKey::Unknown => {
                *judged = Judged::Refused(TokenResult::UnknownKey);
                continue;
            }
        };
        if token.challenge_digest() != challenge {
            continue;
        }
        let index = *batch_of.entry(*token.token_key_id()).or_insert_with(|| {
            batches.push(Batch { facts, secret, places: Vec::new(), tokens: Vec::new() });
            batches.len() - 1
        });
        if let Some(batch) = batches.get_mut(index) {
            batch.places.push(place);
            batch.tokens.push(token);
        }
    }

    let mut keys = Vec::with_capacity(batches.len());
    let mut seen = HashSet::new();
    for batch in batches {
        let key = keys.len();
        keys.push(batch.key_facts());
        for (place, mark) in batch.evaluate()? {
            let first = seen.insert((key, mark));
            if let Some(judged) = judged.get_mut(place) {
                *judged =
                    if first { Judged::Genuine { key, mark } } else { Judged::Refused(TokenResult::Spent) };
            }
        }
    }
    Ok(Judgement { tokens: judged, keys })
}

/// The tokens of one key.
struct Batch<'a> {
    facts: &'a TokenKey,
    secret: &'a SecretKey,
    /// Where each token stands in the request.
    places: Vec<usize>,
    tokens: Vec<Token>,
}

impl Batch<'_> {
    fn key_facts(&self) -> KeyFacts {
        KeyFacts { id: self.facts.token_key_id(), denomination: self.facts.denomination() }
    }

    /// The places and marks of the tokens whose authenticators are right.
    fn evaluate(self) -> Result<Vec<(usize, SpentMark)>, BatchError> {
        let inputs: Vec<TokenInput> = self.tokens.iter().map(Token::token_input).collect();
        let outputs = self.secret.evaluate(&inputs)?;
        let tokens = self.places.into_iter().zip(&self.tokens).zip(outputs);
        Ok(tokens
            .filter_map(|((place, token), output)| {
                let expected = Authenticator::from_bytes(output);
                // Authenticators compare in constant time.
                (*token.authenticator() == expected).then(|| (place, SpentMark::of(&expected)))
            })
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use farthing_protocol::{IssuerName, TokenChallenge};

    use super::*;
    use crate::redemption::SubmittedToken;
    use crate::test_tokens::{TestKey, challenge_digest};

    fn submitted(token: &Token) -> SubmittedToken {
        SubmittedToken::Bytes(Box::new(token.encode()))
    }

    fn results(judgement: &Judgement) -> Vec<Option<TokenResult>> {
        let result = |judged: &Judged| match judged {
            Judged::Refused(result) => Some(*result),
            Judged::Genuine { .. } => None,
        };
        judgement.tokens.iter().map(result).collect()
    }

    #[test]
    fn every_kind_of_token_gets_its_result() {
        use TokenResult::{Expired, Invalid, Revoked, Spent, UnknownKey};
        let [good, other, ended, revoked, unknown] = [1, 2, 3, 4, 5].map(TestKey::new);
        let find = |id: &TokenKeyId| match id {
            id if *id == good.id() => FoundKey::Accepted(good.facts(), good.secret()),
            id if *id == other.id() => FoundKey::Accepted(other.facts(), other.secret()),
            id if *id == ended.id() => FoundKey::Expired,
            id if *id == revoked.id() => FoundKey::Revoked,
            _ => FoundKey::Unknown,
        };
        let foreign = TokenChallenge::for_purchase(IssuerName::new("other.example").unwrap()).digest();
        let mut forged = good.token(9).encode();
        forged[161] ^= 1;
        let mut other_type = good.token(10).encode();
        other_type[1] = 2;
        // An authenticator is good for its own key alone.
        let mut swapped = good.token(11).encode();
        swapped[66..98].copy_from_slice(other.id().as_bytes());
        let request = RedemptionRequest {
            tokens: vec![
                submitted(&good.token(1)),
                submitted(&other.token(1)),
                submitted(&ended.token(1)),
                submitted(&revoked.token(1)),
                submitted(&unknown.token(1)),
                SubmittedToken::Bytes(Box::new(forged)),
                SubmittedToken::Bytes(Box::new(other_type)),
                SubmittedToken::Bytes(Box::new(swapped)),
                SubmittedToken::Malformed("?".to_owned()),
                submitted(&good.token_for(2, foreign)),
                submitted(&good.token(1)),
                submitted(&good.token(2)),
            ],
            atomic: false,
        };
        let judgement = judge(&request, &challenge_digest(), find).unwrap();
        assert_eq!(
            results(&judgement),
            [
                None,
                None,
                Some(Expired),
                Some(Revoked),
                Some(UnknownKey),
                Some(Invalid),
                Some(Invalid),
                Some(Invalid),
                Some(Invalid),
                Some(Invalid),
                Some(Spent),
                None,
            ]
        );
        assert_eq!(judgement.keys.iter().map(|key| key.id).collect::<Vec<_>>(), [good.id(), other.id()]);
        assert!(judgement.refused_outright(false).is_none());
        let outright = judgement.refused_outright(true).unwrap();
        assert_eq!(outright[0], TokenResult::NotTried);
        assert_eq!(outright[10], Spent);
    }

    #[test]
    fn an_accepted_key_is_listed_even_when_all_its_tokens_are_forged() {
        let key = TestKey::new(1);
        let mut forged = key.token(1).encode();
        forged[100] ^= 0x80;
        let request =
            RedemptionRequest { tokens: vec![SubmittedToken::Bytes(Box::new(forged))], atomic: false };
        let judgement =
            judge(&request, &challenge_digest(), |_| FoundKey::Accepted(key.facts(), key.secret())).unwrap();
        assert_eq!(judgement.refused_outright(false), Some(vec![TokenResult::Invalid]));
    }
}
