use std::collections::HashSet;
use std::sync::Arc;

use async_trait::async_trait;
use farthing_protocol::TokenKeyId;
use farthing_service::pinned_keys::{PinOutcome, PinnedKey, PinnedKeys};
use farthing_service::unavailable::Unavailable;

use super::{NewSet, SpentTokens};

/// Pins token keys for the keyring, and opens the spent set of each before it is pinned for the first time.
///
/// So a pinned key always had a set: when it has none, the set was lost, and its tokens are refused as unavailable.
pub struct PinsWithSets {
    pins: Arc<dyn PinnedKeys>,
    sets: Arc<dyn SpentTokens>,
}

impl PinsWithSets {
    /// Both parts of one store.
    pub fn new(pins: Arc<dyn PinnedKeys>, sets: Arc<dyn SpentTokens>) -> Self {
        Self { pins, sets }
    }
}

#[async_trait]
impl PinnedKeys for PinsWithSets {
    async fn pinned(&self) -> Result<Vec<PinnedKey>, Unavailable> {
        self.pins.pinned().await
    }

    async fn pin(&self, keys: Vec<PinnedKey>) -> Result<PinOutcome, Unavailable> {
        let known: HashSet<_> = self.pins.pinned().await?.into_iter().map(|key| key.token_key_id.0).collect();
        let new = keys.iter().filter(|key| !known.contains(&key.token_key_id.0));
        let set = |key: &PinnedKey| NewSet {
            key: TokenKeyId::from_bytes(key.token_key_id.0),
            redeem_until: key.redeem_until,
            capacity: key.capacity,
        };
        let new: Vec<_> = new.map(set).collect();
        if !new.is_empty() {
            self.sets.open_sets(new).await?;
        }
        self.pins.pin(keys).await
    }
}
