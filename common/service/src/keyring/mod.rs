//! The keyring: a directory with one file a token key, written by the issuer and read by both services.
//!
//! | file | what |
//! | --- | --- |
//! | `EUR-10000.2026-11-21.key` | a token key (see `KeyFile`), named by denomination and first day; a second one of that day, made after a revocation, has `.2` before the ending |
//! | `EUR-10000.2026-11-21.revoked` | the key of this name is revoked, whatever is in the file |
//!
//! Nothing in it is ever changed or overwritten. Names that begin with a dot are temporary and skipped.

mod checks;
mod directory;
mod watch;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use farthing_protocol::{Denomination, TokenKey, TokenKeyId, TokenSecretKey, TruncatedTokenKeyId};
use farthing_voprf::SecretKey;

pub use directory::{KEY_ENDING, KeyringError, REVOKED_ENDING, read, revoked_names};
pub use watch::{KeyringSource, KeyringWatch};

/// The keys of the directory at one moment.
#[derive(Debug, Default)]
pub struct Keyring {
    keys: BTreeMap<TokenKeyId, KeyringEntry>,
    revoked_names: BTreeSet<String>,
}

/// One token key of the keyring.
#[derive(Debug, Clone)]
pub struct KeyringEntry {
    facts: TokenKey,
    name: String,
    revoked: bool,
    secret: Option<Arc<TokenSecretKey>>,
}

/// What a token key may be used for at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyStatus {
    /// It will issue later. Its tokens, should there be any, are taken.
    Future,
    /// It issues, and its tokens are taken.
    Issuing,
    /// It no longer issues; its tokens are taken.
    RedeemOnly,
    /// Its tokens are no longer taken.
    Ended,
    /// It was revoked: nothing of it is good any more.
    Revoked,
}

impl KeyStatus {
    /// The status in listings.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Future => "future",
            Self::Issuing => "issuing",
            Self::RedeemOnly => "redeem-only",
            Self::Ended => "ended",
            Self::Revoked => "revoked",
        }
    }

    /// Whether tokens of the key are taken.
    pub const fn redeems(self) -> bool {
        matches!(self, Self::Future | Self::Issuing | Self::RedeemOnly)
    }
}

impl KeyringEntry {
    /// A key read from the file `name` (without ending). The secret is dropped at once where it has no more use.
    pub(crate) fn new(key: TokenSecretKey, name: String, revoked: bool, now: u64) -> Self {
        let facts = key.facts().clone();
        let needed = !revoked && facts.epoch().redeems_at(now);
        Self { facts, name, revoked, secret: needed.then(|| Arc::new(key)) }
    }

    /// What everybody may know of the key.
    pub const fn facts(&self) -> &TokenKey {
        &self.facts
    }

    /// The file's name without ending.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether the key was revoked.
    pub const fn revoked(&self) -> bool {
        self.revoked
    }

    /// The secret; none once the key has ended or is revoked.
    pub fn secret(&self) -> Option<&SecretKey> {
        self.secret.as_deref().map(TokenSecretKey::secret)
    }

    /// What the key may be used for at the unix second `now`.
    pub fn status(&self, now: u64) -> KeyStatus {
        let epoch = self.facts.epoch();
        if self.revoked {
            KeyStatus::Revoked
        } else if !epoch.redeems_at(now) {
            KeyStatus::Ended
        } else if epoch.issues_at(now) {
            KeyStatus::Issuing
        } else if now < epoch.not_before().start() {
            KeyStatus::Future
        } else {
            KeyStatus::RedeemOnly
        }
    }
}

impl Keyring {
    pub(crate) fn new(keys: impl IntoIterator<Item = KeyringEntry>, revoked_names: BTreeSet<String>) -> Self {
        let keys = keys.into_iter().map(|entry| (entry.facts.token_key_id(), entry)).collect();
        Self { keys, revoked_names }
    }

    /// The names of revoked keys, whether their files are there or not.
    pub fn revoked_names(&self) -> &BTreeSet<String> {
        &self.revoked_names
    }

    /// The same keys with these revoked as well; `None` when they are already.
    pub(crate) fn with_revoked(&self, names: &BTreeSet<String>) -> Option<Self> {
        let concerned = |entry: &KeyringEntry| !entry.revoked && names.contains(&entry.name);
        if !self.keys.values().any(concerned) {
            return None;
        }
        let mut keys = self.keys.clone();
        for entry in keys.values_mut().filter(|entry| concerned(entry)) {
            entry.revoked = true;
            entry.secret = None;
        }
        Some(Self { keys, revoked_names: self.revoked_names.clone() })
    }

    /// Every key, oldest first; of one first day, in the order of their denominations and names.
    pub fn entries(&self) -> Vec<&KeyringEntry> {
        let mut entries: Vec<_> = self.keys.values().collect();
        entries.sort_by_key(|entry| {
            (entry.facts.epoch().not_before(), entry.facts.denomination(), entry.name())
        });
        entries
    }

    /// The key with this id.
    pub fn get(&self, id: &TokenKeyId) -> Option<&KeyringEntry> {
        self.keys.get(id)
    }

    /// The one key that issues tokens of this denomination at `now`. Should there be several, which only hand-made
    /// keyrings have, the one whose epoch began last, so that all services name the same.
    pub fn issuing(&self, denomination: Denomination, now: u64) -> Option<&KeyringEntry> {
        self.entries().into_iter().rfind(|entry| {
            entry.facts.denomination() == denomination && entry.status(now) == KeyStatus::Issuing
        })
    }

    /// The key that a truncated id names at `now`: of those whose time is not over, as no two of them share it; a
    /// revoked one only where there is no other.
    pub fn named(&self, truncated: TruncatedTokenKeyId, now: u64) -> Option<&KeyringEntry> {
        self.keys
            .values()
            .filter(|entry| entry.facts.token_key_id().truncated() == truncated)
            .filter(|entry| entry.facts.epoch().redeems_at(now))
            .min_by_key(|entry| entry.revoked)
    }

    /// Takes the revocations that a store remembers, though the directory no longer says so.
    pub(crate) fn revoke(&mut self, id: TokenKeyId) {
        if let Some(entry) = self.keys.get_mut(&id) {
            entry.revoked = true;
            entry.secret = None;
        }
    }
}

#[cfg(test)]
mod tests;
