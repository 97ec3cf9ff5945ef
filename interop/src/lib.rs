//! What the crate `privacypass` needs around it to act as an issuer and redeemer, for benchmarks and tests alike.

use async_trait::async_trait;
use privacypass::common::private::PrivateCipherSuite;
use privacypass::common::store::PrivateKeyStore;
use privacypass::{Nonce, NonceStore, TruncatedTokenKeyId, VoprfServer};

/// A key store of one key, which answers to every truncated id.
pub struct OneKey<CS: PrivateCipherSuite>(pub VoprfServer<CS>);

#[async_trait]
impl<CS: PrivateCipherSuite> PrivateKeyStore for OneKey<CS> {
    type CS = CS;

    async fn insert(&self, _: TruncatedTokenKeyId, _: VoprfServer<CS>) -> bool {
        false
    }

    async fn get(&self, _: &TruncatedTokenKeyId) -> Option<VoprfServer<CS>> {
        Some(self.0.clone())
    }

    async fn remove(&self, _: &TruncatedTokenKeyId) -> bool {
        false
    }
}

/// A nonce store that remembers nothing: it leaves the arithmetic of a redemption and lets it be repeated.
pub struct Forgetful;

#[async_trait]
impl NonceStore for Forgetful {
    async fn reserve(&self, _: &Nonce) -> bool {
        true
    }

    async fn commit(&self, _: &Nonce) {}

    async fn release(&self, _: &Nonce) {}
}
