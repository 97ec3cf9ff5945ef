use std::cmp::Ordering;

use farthing_protocol::Day;
use farthing_service::record::{self, Record, RecordError};
use serde::{Deserialize, Serialize};

use super::{ApiKey, ApiKeyHash, ApiKeyId, Identity, Owed, PayoutReference, PublisherId, PublisherName};

/// A publisher as the store keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Publisher {
    /// Its id.
    pub id: PublisherId,
    /// Who it is.
    pub identity: Identity,
    /// The day on which it was added.
    pub created: Day,
    /// Its API keys, oldest first, revoked ones too; none once it was erased.
    pub keys: Vec<ApiKeyRecord>,
}

/// An API key as the store keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiKeyRecord {
    /// What it is called.
    pub id: ApiKeyId,
    /// What it is recognized by.
    pub hash: ApiKeyHash,
    /// The day on which it was made.
    pub created: Day,
    /// Whether it was revoked; that is for ever.
    pub revoked: bool,
}

impl ApiKeyRecord {
    /// What is kept of a key that was made on that day.
    pub fn new(key: &ApiKey, created: Day) -> Self {
        Self { id: key.id(), hash: key.hash(), created, revoked: false }
    }
}

impl Publisher {
    /// What it is called, unless it was erased.
    pub const fn name(&self) -> Option<&PublisherName> {
        match &self.identity {
            Identity::Known { name, .. } => Some(name),
            Identity::Erased { .. } => None,
        }
    }

    /// Where it is paid, if that is known.
    pub const fn payout_reference(&self) -> Option<&PayoutReference> {
        match &self.identity {
            Identity::Known { payout_reference, .. } => payout_reference.as_ref(),
            Identity::Erased { .. } => None,
        }
    }

    /// The day on which it was erased, if it was.
    pub const fn erased(&self) -> Option<Day> {
        match self.identity {
            Identity::Known { .. } => None,
            Identity::Erased { on, .. } => Some(on),
        }
    }

    /// What became of what was owed to it when it was erased, if it was.
    pub const fn owed(&self) -> Option<Owed> {
        match self.identity {
            Identity::Known { .. } => None,
            Identity::Erased { owed, .. } => Some(owed),
        }
    }

    /// Its keys that were not revoked.
    pub fn keys_in_force(&self) -> impl Iterator<Item = &ApiKeyRecord> {
        self.keys.iter().filter(|key| !key.revoked)
    }

    /// Whether a key with this hash is the publisher's and in force.
    pub fn is_shown_by(&self, hash: &ApiKeyHash) -> bool {
        self.keys_in_force().any(|key| key.hash == *hash)
    }

    /// By name, and those that were erased after all others.
    pub fn in_order(mut publishers: Vec<Self>) -> Vec<Self> {
        publishers.sort_by(|a, b| match (a.name(), b.name()) {
            (Some(a), Some(b)) => a.cmp(b),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => a.id.cmp(&b.id),
        });
        publishers
    }
}

/// What version 1 kept: every publisher had a name, and none a payout reference.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Version1 {
    id: PublisherId,
    name: PublisherName,
    created: Day,
    keys: Vec<ApiKeyRecord>,
}

impl Record for Publisher {
    const KIND: &'static str = "publisher";
    const VERSION: u8 = 2;

    fn migrate(version: u8, json: &[u8]) -> Result<Self, RecordError> {
        if version != 1 {
            return Err(RecordError::NoMigration { kind: Self::KIND, version });
        }
        let Version1 { id, name, created, keys } = record::from_json::<Self, _>(json)?;
        Ok(Self { id, identity: Identity::Known { name, payout_reference: None }, created, keys })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: &str = r#"[{"id":"0101010101010101","hash":"AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI","created":"2026-11-20","revoked":false}]"#;

    fn written(version: u8, identity: &str) -> Vec<u8> {
        let json =
            format!(r#"{{"id":"AQEBAQEBAQEBAQEBAQEBAQ",{identity},"created":"2026-11-20","keys":{KEYS}}}"#);
        [&[version], json.as_bytes()].concat()
    }

    #[test]
    fn a_publisher_of_version_1_has_no_payout_reference() {
        let old: Publisher = record::decode(&written(1, r#""name":"Daily""#)).unwrap();
        assert_eq!(
            (old.name().unwrap().as_str(), old.payout_reference(), old.erased()),
            ("Daily", None, None)
        );
        assert_eq!((old.id, old.keys_in_force().count()), (PublisherId::from_bytes([1; 16]), 1));
        let new = written(2, r#""identity":{"known":{"name":"Daily","payout_reference":null}}"#);
        assert_eq!(record::encode(&old).unwrap(), new);
        assert_eq!(record::decode::<Publisher>(&new).unwrap(), old);
        assert!(record::decode::<Publisher>(&written(1, r#""name":"Daily","more":1"#)).is_err());
        assert!(record::decode::<Publisher>(&written(2, r#""name":"Daily""#)).is_err());
    }

    #[test]
    fn erased_ones_come_last() {
        let of = |bytes: u8, identity: &str| -> Publisher {
            let publisher: Publisher =
                record::decode(&written(2, &format!(r#""identity":{identity}"#))).unwrap();
            Publisher { id: PublisherId::from_bytes([bytes; 16]), ..publisher }
        };
        let erased = r#"{"erased":{"on":"2026-11-22","owed":"nothing"}}"#;
        let known = |name: &str| format!(r#"{{"known":{{"name":"{name}","payout_reference":null}}}}"#);
        let all = [of(1, erased), of(4, &known("Weekly")), of(3, &known("Daily")), of(2, erased)];
        let order: Vec<_> = Publisher::in_order(all.to_vec()).iter().map(|it| it.id.as_bytes()[0]).collect();
        assert_eq!(order, [3, 4, 1, 2]);
    }
}
