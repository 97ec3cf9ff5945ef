//! How tokens are spoken of whose key the redeemer no longer lists.

use farthing_api::KeyListing;

use super::failure::Failure;
use super::session::{OpenWallet, Session};
use crate::held_token::HeldKey;
use crate::money::format_micros;
use crate::plural::counted;
use crate::service_url::ServiceUrl;

/// Characters of a key's id that people are shown: enough to tell the keys of one wallet apart.
const SHOWN: usize = 8;

/// The beginning of a key's id.
pub(crate) fn short_id(held: &HeldKey) -> String {
    held.key.token_key_id().to_string().chars().take(SHOWN).collect()
}

/// `100 tokens of 0.01 EUR`: those that were not exported.
pub(crate) fn tokens_left(held: &HeldKey) -> String {
    let denomination = held.key.denomination();
    let value = format_micros(denomination.value_micros().get(), denomination.currency().code());
    format!("{} of {value}", counted(held.left() as u64, "token"))
}

/// What is said of a void key.
fn warning(held: &HeldKey) -> String {
    format!(
        "WARNING: {} under key {} of {} are void: the redeemer no longer lists the key, although its time is not over, \
         and would refuse them. Do not show them to anybody, and ask the operator of {}",
        tokens_left(held),
        short_id(held),
        held.issuer_name,
        held.issuer_name,
    )
}

impl Session {
    /// Compares the keys of the wallet with what a redeemer lists, saves what changed, and warns of void tokens.
    pub(crate) fn mark_void_keys(
        &self,
        wallet: &mut OpenWallet,
        redeemer: &ServiceUrl,
        listing: &KeyListing,
    ) -> Result<(), Failure> {
        let changes = wallet.state.mark_void_keys(redeemer, listing, self.today());
        if !changes.is_empty() {
            self.save(&wallet.file, &wallet.state, "wallet.void-keys.saved")?;
        }
        let again = changes.iter().filter(|change| !change.is_void).map(|change| change.token_key_id);
        for id in again {
            if let Some(held) = wallet.state.keys().iter().find(|held| held.key.token_key_id() == id) {
                self.warn(&format!(
                    "Key {} of {} is listed again: {} can be spent again",
                    short_id(held),
                    held.issuer_name,
                    tokens_left(held)
                ));
            }
        }
        self.warn_of_void_keys(wallet.state.keys());
        Ok(())
    }

    /// Warns of every key whose tokens would still be good if the redeemer listed it.
    pub(crate) fn warn_of_void_keys(&self, keys: &[HeldKey]) {
        let today = self.today();
        for held in keys {
            if held.void_since.is_some() && !held.has_ended(today) && held.left() > 0 {
                self.warn(&warning(held));
            }
        }
    }
}
