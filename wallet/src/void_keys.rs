//! Keys that a redeemer no longer lists: their tokens are void.
//!
//! A redeemer lists every key whose tokens it takes. One that is missing before its time was revoked, or was never a
//! key of all buyers: in both cases its tokens are not to be shown to anybody.

use std::collections::HashSet;

use farthing_api::KeyListing;
use farthing_protocol::{Day, TokenKeyId};

use crate::service_url::ServiceUrl;
use crate::wallet_state::WalletState;

/// A held key that is void since now, or no longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VoidChange {
    /// The key.
    pub token_key_id: TokenKeyId,
    /// Whether it is void now.
    pub is_void: bool,
}

impl WalletState {
    /// Marks the held keys that should be in a redeemer's list and are not, takes the mark from those that are in it
    /// again, and says what changed. The state must then be saved.
    ///
    /// Only the redeemer at which the wallet knows the issuer is believed: otherwise any URL could void any tokens. Keys
    /// whose tokens have ended by `today` stay as they are.
    pub fn mark_void_keys(
        &mut self,
        redeemer: &ServiceUrl,
        listing: &KeyListing,
        today: Day,
    ) -> Vec<VoidChange> {
        let known = self.issuers().get(&listing.issuer_name);
        if known.is_none_or(|known| known.redeemer != *redeemer) {
            return Vec::new();
        }
        let listed: HashSet<_> = listing.keys.iter().map(|key| key.token_key_id.0).collect();
        let mut changes = Vec::new();
        for held in self.keys_mut() {
            if held.issuer_name.as_str() != listing.issuer_name || held.has_ended(today) {
                continue;
            }
            let token_key_id = held.key.token_key_id();
            let is_void = !listed.contains(token_key_id.as_bytes());
            if is_void != held.void_since.is_some() {
                held.void_since = is_void.then_some(today);
                changes.push(VoidChange { token_key_id, is_void });
            }
        }
        changes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::drive;
    use crate::fake_services::{COUNT, FakeServices, ISSUER_NAME, REDEEMER, VOUCHER, today};
    use crate::payment::{SelectionError, export_tokens};
    use crate::purchase_run::{Ending, PurchaseRun};
    use crate::seed::Seed;

    fn bought() -> (FakeServices, WalletState) {
        let mut services = FakeServices::new();
        let mut state = WalletState::new(Seed::from_bytes([42; 32]));
        let (intent, agreed) = services.plan(&state, VOUCHER);
        let run = PurchaseRun::begin(state.intend(intent, today()), agreed);
        assert_eq!(drive(&mut services, &mut state, run).unwrap(), Ending::Bought);
        (services, state)
    }

    #[test]
    fn tokens_of_a_key_that_is_not_listed_are_void_until_it_is_listed_again() {
        let (services, mut state) = bought();
        let redeemer = ServiceUrl::parse(REDEEMER).unwrap();
        let (whole, mut lacking) = (services.key_listing(), services.key_listing());
        let token_key_id = state.keys()[0].key.token_key_id();
        lacking.keys.retain(|key| key.token_key_id.0 != *token_key_id.as_bytes());

        assert_eq!(state.mark_void_keys(&redeemer, &whole, today()), []);
        let change = |is_void| [VoidChange { token_key_id, is_void }];
        assert_eq!(state.mark_void_keys(&redeemer, &lacking, today()), change(true));
        assert_eq!(state.mark_void_keys(&redeemer, &lacking, today().plus(1)), [], "it is known");
        let mut state = WalletState::from_json(&state.to_json().unwrap()).unwrap();
        assert_eq!(state.keys()[0].void_since, Some(today()), "the mark is saved");
        assert_eq!(export_tokens(&mut state, None, 1, true, today()), Err(SelectionError::Empty));

        assert_eq!(state.mark_void_keys(&redeemer, &whole, today()), change(false));
        assert_eq!(export_tokens(&mut state, None, COUNT as usize, false, today()), Ok(1));
    }

    #[test]
    fn only_the_issuers_own_redeemer_is_believed_and_only_before_the_end() {
        let (services, mut state) = bought();
        let redeemer = ServiceUrl::parse(REDEEMER).unwrap();
        let mut empty = services.key_listing();
        empty.keys.clear();
        let elsewhere = ServiceUrl::parse("https://elsewhere.example").unwrap();
        assert_eq!(state.mark_void_keys(&elsewhere, &empty, today()), []);
        let end = state.keys()[0].key.epoch().redeem_until();
        assert_eq!(state.mark_void_keys(&redeemer, &empty, end), [], "it has ended, which is no revocation");
        empty.issuer_name = format!("other.{ISSUER_NAME}");
        assert_eq!(state.mark_void_keys(&redeemer, &empty, today()), [], "another issuer's list");
    }
}
