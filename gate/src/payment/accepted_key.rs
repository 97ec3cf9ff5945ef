use farthing_api::KeyEntry;
use farthing_protocol::{
    ChallengeDigest, ChallengeHeader, Denomination, IssuerName, PrivateTokenChallenge, TokenChallenge,
    TokenKeyId,
};
use farthing_voprf::PublicKey;

use crate::prices::Amount;

/// A token key whose tokens the redeemer takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptedKey {
    /// Its id.
    pub id: TokenKeyId,
    /// Its public half, with which challenges name it.
    pub public_key: PublicKey,
    /// What a token of it is worth.
    pub denomination: Denomination,
    /// Unix second from which its tokens are no longer taken.
    pub redeem_until: u64,
}

impl AcceptedKey {
    /// The key that the redeemer lists; `None` when it is none, or its id is another's.
    pub fn listed(entry: &KeyEntry) -> Option<Self> {
        let public_key = PublicKey::from_bytes(&entry.token_key.0).ok()?;
        let denomination = Denomination::from_parts(entry.value_micros, &entry.currency).ok()?;
        let id = TokenKeyId::of(&public_key);
        let redeem_until = entry.redeem_until;
        (id.as_bytes() == &entry.token_key_id.0).then_some(Self {
            id,
            public_key,
            denomination,
            redeem_until,
        })
    }
}

/// The keys whose tokens are taken, and the challenge that the tokens answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptedKeys {
    challenge: TokenChallenge,
    keys: Vec<AcceptedKey>,
    most_tokens: usize,
}

impl AcceptedKeys {
    /// Those keys, of that issuer, where a payment has at most so many tokens.
    pub fn new(issuer: IssuerName, keys: Vec<AcceptedKey>, most_tokens: usize) -> Self {
        // Wallets hold tokens that were bought ahead, so the challenge is the one of every purchase.
        Self { challenge: TokenChallenge::for_purchase(issuer), keys, most_tokens }
    }

    /// The digest that every token must carry.
    pub fn digest(&self) -> ChallengeDigest {
        self.challenge.digest()
    }

    /// The key of this id, whether or not its time is over.
    pub fn find(&self, id: &TokenKeyId) -> Option<&AcceptedKey> {
        self.keys.iter().find(|key| key.id == *id)
    }

    /// The keys with which `due` can be paid to the last micro at `now`, with no more tokens than a payment has, newest first.
    pub fn paying(&self, due: Amount, now: u64) -> impl Iterator<Item = &AcceptedKey> {
        let most = u64::try_from(self.most_tokens).unwrap_or(u64::MAX);
        let pays = move |key: &&AcceptedKey| {
            let value = key.denomination.value_micros();
            key.denomination.currency() == due.currency
                && due.micros.get() % value == 0
                && due.micros.get() / value <= most
                && now < key.redeem_until
        };
        self.keys.iter().rev().filter(pays)
    }

    /// The value of `WWW-Authenticate` that asks for `due`: a challenge for each key that can pay it, each with the price
    /// beside it. `None` when no key can.
    pub fn www_authenticate(&self, due: Amount, now: u64) -> Option<String> {
        let challenges: Vec<_> = self
            .paying(due, now)
            .map(|key| PrivateTokenChallenge {
                price_micros: Some(due.micros.get()),
                currency: Some(due.currency.code().to_owned()),
                ..PrivateTokenChallenge::new(&self.challenge, &key.public_key)
            })
            .collect();
        // One header for all: nginx hands on no second one.
        if challenges.is_empty() { None } else { Some(ChallengeHeader { challenges }.encode()) }
    }
}
