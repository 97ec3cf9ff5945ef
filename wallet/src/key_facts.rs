use farthing_api::{Base64Url, KeyEntry};
use farthing_protocol::{Day, Denomination, KeyEpoch, TokenKeyId};
use farthing_voprf::PublicKey;
use serde::{Deserialize, Serialize};

/// What a wallet knows of a token key: what it is worth and when it issues and ends. None of it ever changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "WrittenFacts", into = "WrittenFacts")]
pub struct KeyFacts {
    token_key_id: TokenKeyId,
    public_key: PublicKey,
    denomination: Denomination,
    epoch: KeyEpoch,
}

/// Why a listed key was not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {reason}")]
pub struct KeyFactsError {
    /// The member that is wrong.
    pub field: &'static str,
    /// What is wrong with it.
    pub reason: String,
}

/// The facts as the wallet's file has them.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenFacts {
    token_key: Base64Url<[u8; 32]>,
    value_micros: u64,
    currency: String,
    not_before: Day,
    issue_until: Day,
    redeem_until: Day,
}

impl KeyFacts {
    /// Facts of their parts. The id is computed.
    pub fn new(public_key: PublicKey, denomination: Denomination, epoch: KeyEpoch) -> Self {
        Self { token_key_id: TokenKeyId::of(&public_key), public_key, denomination, epoch }
    }

    /// SHA-256 of the public key.
    pub const fn token_key_id(&self) -> TokenKeyId {
        self.token_key_id
    }

    /// The public key.
    pub const fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// What one token is worth.
    pub const fn denomination(&self) -> Denomination {
        self.denomination
    }

    /// When it issues, and until when its tokens are taken.
    pub const fn epoch(&self) -> KeyEpoch {
        self.epoch
    }
}

impl TryFrom<&KeyEntry> for KeyFacts {
    type Error = KeyFactsError;

    /// Reads a key of the redeemer's list.
    fn try_from(entry: &KeyEntry) -> Result<Self, KeyFactsError> {
        let facts = Self::new(
            public_key(&entry.token_key.0)?,
            denomination(entry.value_micros, &entry.currency)?,
            epoch(
                midnight("not_before", entry.not_before)?,
                midnight("issue_until", entry.issue_until)?,
                midnight("redeem_until", entry.redeem_until)?,
            )?,
        );
        if facts.token_key_id.as_bytes() == &entry.token_key_id.0 {
            Ok(facts)
        } else {
            Err(KeyFactsError { field: "token_key_id", reason: "it is not the id of token_key".to_owned() })
        }
    }
}

impl TryFrom<WrittenFacts> for KeyFacts {
    type Error = KeyFactsError;

    fn try_from(written: WrittenFacts) -> Result<Self, KeyFactsError> {
        Ok(Self::new(
            public_key(&written.token_key.0)?,
            denomination(written.value_micros, &written.currency)?,
            epoch(written.not_before, written.issue_until, written.redeem_until)?,
        ))
    }
}

impl From<KeyFacts> for WrittenFacts {
    fn from(facts: KeyFacts) -> Self {
        Self {
            token_key: Base64Url(facts.public_key.to_bytes()),
            value_micros: facts.denomination.value_micros().get(),
            currency: facts.denomination.currency().code().to_owned(),
            not_before: facts.epoch.not_before(),
            issue_until: facts.epoch.issue_until(),
            redeem_until: facts.epoch.redeem_until(),
        }
    }
}

fn public_key(bytes: &[u8; 32]) -> Result<PublicKey, KeyFactsError> {
    PublicKey::from_bytes(bytes).map_err(|_| KeyFactsError {
        field: "token_key",
        reason: "it is not a ristretto255 element".to_owned(),
    })
}

fn denomination(value_micros: u64, currency: &str) -> Result<Denomination, KeyFactsError> {
    Denomination::from_parts(value_micros, currency)
        .map_err(|error| KeyFactsError { field: "value_micros, currency", reason: error.to_string() })
}

fn epoch(not_before: Day, issue_until: Day, redeem_until: Day) -> Result<KeyEpoch, KeyFactsError> {
    KeyEpoch::new(not_before, issue_until, redeem_until)
        .map_err(|error| KeyFactsError { field: "dates", reason: error.to_string() })
}

/// A date that is not a midnight could single somebody out.
fn midnight(field: &'static str, second: u64) -> Result<Day, KeyFactsError> {
    Day::starting_at(second)
        .ok_or_else(|| KeyFactsError { field, reason: format!("{second} is not a midnight in UTC") })
}
