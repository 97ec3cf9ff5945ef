//! What a keyring must satisfy beyond being readable: against the configuration, and against what the store has seen.

use farthing_api::Base64Url;
use farthing_protocol::{IssuerName, TokenKeyId};

use super::{Keyring, KeyringEntry, KeyringError};
use crate::birth::Birth;
use crate::pinned_keys::PinnedKey;

/// Compares a keyring with the issuer's name, the store's birth and the pinned keys; what is to be pinned, if anything.
///
/// A key that the store ever saw revoked stays so, whatever the directory says now.
pub(super) fn check(
    keyring: &mut Keyring,
    issuer_name: &IssuerName,
    birth: &Birth,
    pinned: &[PinnedKey],
    now: u64,
) -> Result<Vec<PinnedKey>, KeyringError> {
    let mut to_pin = Vec::new();
    for pin in pinned {
        let id = TokenKeyId::from_bytes(pin.token_key_id.0);
        match keyring.get(&id) {
            Some(entry) if entry.facts().immutable_digest() != pin.digest.0 => {
                return Err(KeyringError::Changed(entry.name().to_owned()));
            }
            Some(_) if pin.revoked => keyring.revoke(id),
            Some(_) => {}
            None if pin.revoked || now >= pin.redeem_until.start() => {}
            // The operator gave up a key whose file is lost.
            None if keyring.revoked_names().contains(&pin.name) => {
                to_pin.push(PinnedKey { revoked: true, ..pin.clone() });
            }
            None => return Err(KeyringError::Gone(pin.name.clone())),
        }
    }
    for entry in keyring.entries() {
        let facts = entry.facts();
        if facts.issuer_name() != issuer_name {
            return Err(KeyringError::OtherIssuer {
                name: entry.name().to_owned(),
                found: facts.issuer_name().to_string(),
                expected: issuer_name.to_string(),
            });
        }
        let known = pinned.iter().find(|pin| pin.token_key_id.0 == facts.token_key_id().to_bytes());
        // A key whose tokens are refused anyway needs no trust.
        if known.is_none() && entry.status(now).redeems() && !birth.accepts(facts) {
            return Err(KeyringError::OlderThanStore {
                name: entry.name().to_owned(),
                id: facts.token_key_id().to_string(),
            });
        }
        if known.is_none_or(|pin| pin.revoked != entry.revoked()) {
            to_pin.push(pin_of(entry));
        }
    }
    Ok(to_pin)
}

fn pin_of(entry: &KeyringEntry) -> PinnedKey {
    let facts = entry.facts();
    PinnedKey {
        token_key_id: Base64Url(facts.token_key_id().to_bytes()),
        name: entry.name().to_owned(),
        digest: Base64Url(facts.immutable_digest()),
        redeem_until: facts.epoch().redeem_until(),
        capacity: facts.capacity(),
        revoked: entry.revoked(),
    }
}
