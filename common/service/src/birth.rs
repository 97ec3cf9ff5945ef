//! The birth record: what tells a store that was never used from one that lost everything.

use farthing_api::Base64Url;
use farthing_protocol::{TokenKey, TokenKeyId};
use serde::{Deserialize, Serialize};

use crate::gap::Restore;
use crate::record::{self, Record, RecordError};

/// Written once by `store init` and compared at every transaction, so that an emptied or swapped database is
/// unavailable rather than "nothing was ever spent".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Birth {
    /// Which service the store is for.
    pub service: ServiceKind,
    /// 16 random bytes that no other store has.
    pub store_id: Base64Url<[u8; 16]>,
    /// Unix seconds of the birth. A token key created earlier may have tokens out that this store knows nothing of.
    pub born: u64,
    /// The older token keys that the operator answers for.
    pub trusted_keys: TrustedKeys,
    /// Into how many groups of keys the store is divided, each of which lives in one shard of a cluster.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub groups: u8,
    /// The times that it was restored from a backup, oldest first. Each left a gap.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub restores: Vec<Restore>,
    /// The move to another place that is under way or done: see [`crate::migration`]. The store at the new place has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leaving: Option<Leaving>,
}

/// A store's move to another place, as the old place knows of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Leaving {
    /// 16 random bytes of the command that moves it: the latest command is the one that may go on.
    pub run: Base64Url<[u8; 16]>,
    /// The new place in words.
    pub to: String,
    /// Whether nobody uses the old place any more.
    pub is_left: bool,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "that is how serde calls it")]
const fn is_one(groups: &u8) -> bool {
    *groups == 1
}

const fn one() -> u8 {
    1
}

/// Most groups of a store.
pub const MOST_GROUPS: u8 = 64;

/// The two services that have a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ServiceKind {
    /// farthing-issuer.
    Issuer,
    /// farthing-redeemer.
    Redeemer,
}

impl ServiceKind {
    /// `issuer` or `redeemer`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Issuer => "issuer",
            Self::Redeemer => "redeemer",
        }
    }
}

/// The token keys older than the store that it accepts all the same: what `store init --trust-key` named.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TrustedKeys {
    /// None.
    #[default]
    None,
    /// Every one.
    All,
    /// These token key ids.
    These(Vec<Base64Url<[u8; 32]>>),
}

impl TrustedKeys {
    /// What `--trust-key` named: token key ids, or `all`.
    ///
    /// # Errors
    /// The first text that is neither.
    pub fn named(texts: &[String]) -> Result<Self, InvalidTrust> {
        if texts.iter().any(|text| text == "all") {
            return Ok(Self::All);
        }
        let ids = texts.iter().map(|text| match text.parse::<TokenKeyId>() {
            Ok(id) => Ok(Base64Url(id.to_bytes())),
            Err(cause) => Err(InvalidTrust { text: text.clone(), cause }),
        });
        let ids = ids.collect::<Result<Vec<_>, _>>()?;
        Ok(if ids.is_empty() { Self::None } else { Self::These(ids) })
    }

    fn include(&self, id: TokenKeyId) -> bool {
        match self {
            Self::None => false,
            Self::All => true,
            Self::These(ids) => ids.iter().any(|trusted| trusted.0 == id.to_bytes()),
        }
    }
}

/// A text that names no token key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("--trust-key {text}: {cause}; `farthing-issuer keys list` shows the ids")]
pub struct InvalidTrust {
    text: String,
    cause: farthing_protocol::InvalidIdentifier,
}

impl Birth {
    /// The birth of a new store, now.
    ///
    /// # Errors
    /// The system gave no randomness.
    pub fn new(service: ServiceKind, now: u64, trusted_keys: TrustedKeys) -> Result<Self, getrandom::Error> {
        let restores = Vec::new();
        Ok(Self {
            service,
            store_id: random_id()?,
            born: now,
            trusted_keys,
            restores,
            groups: 1,
            leaving: None,
        })
    }

    /// The same for a store that is divided.
    #[must_use]
    pub fn with_groups(self, groups: u8) -> Self {
        Self { groups: groups.clamp(1, MOST_GROUPS), ..self }
    }

    /// The birth of a store that is restored now from a backup of this one, taken at `taken`. It is another store: what
    /// the old one took in since is not in it.
    ///
    /// # Errors
    /// The system gave no randomness.
    pub fn restored(&self, taken: u64, now: u64) -> Result<Self, getrandom::Error> {
        let mut restored = Self { store_id: random_id()?, leaving: None, ..self.clone() };
        restored.restores.push(Restore {
            from: self.store_id,
            taken,
            restored: now,
            closed: None,
            payouts_entered: None,
        });
        Ok(restored)
    }

    /// The birth record of the old place while the store moves to another.
    ///
    /// # Errors
    /// The system gave no randomness.
    pub fn moving(&self, to: &str) -> Result<Self, getrandom::Error> {
        let leaving = Leaving { run: random_id()?, to: to.to_owned(), is_left: false };
        Ok(Self { leaving: Some(leaving), ..self.clone() })
    }

    /// The same once nobody uses the old place any more.
    #[must_use]
    pub fn left(&self) -> Self {
        let leaving = self.leaving.clone().map(|leaving| Leaving { is_left: true, ..leaving });
        Self { leaving, ..self.clone() }
    }

    /// The birth record as it was before the store began to move.
    #[must_use]
    pub fn settled(&self) -> Self {
        Self { leaving: None, ..self.clone() }
    }

    /// Whether it tells of the same store, divided in the same way; what happened to it since may be said in one alone.
    pub fn is_of_same_store(&self, other: &Self) -> bool {
        (self.service, self.store_id, self.groups) == (other.service, other.store_id, other.groups)
    }

    /// Whether every use of the key can be known to this store: it was created after the birth, or is trusted.
    pub fn accepts(&self, key: &TokenKey) -> bool {
        key.created() >= self.born || self.trusted_keys.include(key.token_key_id())
    }
}

fn random_id() -> Result<Base64Url<[u8; 16]>, getrandom::Error> {
    let mut id = [0; 16];
    getrandom::fill(&mut id)?;
    Ok(Base64Url(id))
}

impl Record for Birth {
    const KIND: &'static str = "birth";
    const VERSION: u8 = 4;

    fn migrate(version: u8, json: &[u8]) -> Result<Self, RecordError> {
        let birth: Self = record::from_json::<Self, _>(json)?;
        // Version 1 had neither restores nor groups, version 2 no moves, version 3 nobody who confirmed payouts.
        let is_of_the_first = birth.restores.is_empty() && birth.groups == 1;
        let is_of_the_third = birth.restores.iter().all(|restore| restore.payouts_entered.is_none());
        match version {
            1 if is_of_the_first && birth.leaving.is_none() => Ok(birth),
            2 if is_of_the_third && birth.leaving.is_none() => Ok(birth),
            3 if is_of_the_third => Ok(birth),
            _ => Err(RecordError::NoMigration { kind: Self::KIND, version }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_birth_of_the_first_version_is_read_and_no_release_wrote_restores_in_one() {
        let birth = Birth::new(ServiceKind::Issuer, 7, TrustedKeys::All).unwrap();
        let mut bytes = record::encode(&birth).unwrap();
        bytes[0] = 1;
        assert_eq!(record::decode::<Birth>(&bytes).unwrap(), birth);
        let restored = birth.restored(8, 9).unwrap();
        assert_ne!(restored.store_id, birth.store_id);
        let mut bytes = record::encode(&restored).unwrap();
        assert_eq!(record::decode::<Birth>(&bytes).unwrap(), restored);
        bytes[0] = 1;
        assert!(record::decode::<Birth>(&bytes).is_err());
        bytes[0] = 2;
        assert_eq!(record::decode::<Birth>(&bytes).unwrap(), restored);
    }

    #[test]
    fn the_first_two_versions_know_no_moves() {
        let birth = Birth::new(ServiceKind::Issuer, 7, TrustedKeys::None).unwrap();
        let moving = birth.moving("elsewhere").unwrap();
        assert_eq!((moving.store_id, moving.settled()), (birth.store_id, birth));
        let mut bytes = record::encode(&moving).unwrap();
        assert_eq!(record::decode::<Birth>(&bytes).unwrap(), moving);
        for earlier in [1, 2] {
            bytes[0] = earlier;
            assert!(record::decode::<Birth>(&bytes).is_err());
        }
        bytes[0] = 3;
        assert_eq!(record::decode::<Birth>(&bytes).unwrap(), moving);
    }
}
