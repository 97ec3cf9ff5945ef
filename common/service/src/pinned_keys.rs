//! The facts of each token key as a store first saw them: whoever changes a key's dates or value later is refused.

use async_trait::async_trait;
use farthing_api::Base64Url;
use farthing_protocol::Day;
use serde::{Deserialize, Serialize};

use crate::record::Record;
use crate::unavailable::Unavailable;

/// The question that both services' stores answer about token keys.
#[async_trait]
pub trait PinnedKeys: Send + Sync {
    /// Every key ever pinned.
    async fn pinned(&self) -> Result<Vec<PinnedKey>, Unavailable>;

    /// Pins keys that are not pinned yet, and marks revoked what is revoked in `keys`; a mark is never taken back.
    /// All of them or, at a conflict, none.
    async fn pin(&self, keys: Vec<PinnedKey>) -> Result<PinOutcome, Unavailable>;
}

/// What a store remembers of a token key for ever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PinnedKey {
    /// SHA-256 of the public key.
    pub token_key_id: Base64Url<[u8; 32]>,
    /// The file it was in, without ending, for messages.
    pub name: String,
    /// SHA-256 over every fact that must never change.
    pub digest: Base64Url<[u8; 32]>,
    /// First day on which its tokens are no longer taken.
    pub redeem_until: Day,
    /// Whether it was ever seen revoked.
    pub revoked: bool,
}

/// What became of [`PinnedKeys::pin`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PinOutcome {
    /// All are pinned now.
    Pinned,
    /// This key was pinned before with other facts.
    Conflict(PinnedKey),
}

impl Record for PinnedKey {
    const KIND: &'static str = "pinned key";
    const VERSION: u8 = 1;
}
