use farthing_protocol::Day;
use farthing_service::record::Record;
use serde::{Deserialize, Serialize};

use super::{ApiKeyHash, ApiKeyId, PublisherId, PublisherName};

/// A publisher as the store keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Publisher {
    /// Its id.
    pub id: PublisherId,
    /// What the operator calls it; no two have one name.
    pub name: PublisherName,
    /// The day on which it was added.
    pub created: Day,
    /// Its API keys, oldest first, the revoked ones too.
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

impl Publisher {
    /// Whether a key with this hash is the publisher's and in force.
    pub fn is_shown_by(&self, hash: &ApiKeyHash) -> bool {
        self.keys.iter().any(|key| key.hash == *hash && !key.revoked)
    }
}

impl Record for Publisher {
    const KIND: &'static str = "publisher";
    const VERSION: u8 = 1;
}
