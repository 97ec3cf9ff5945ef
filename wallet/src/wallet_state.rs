//! Everything a wallet remembers: the content of its encrypted file.
//!
//! It is JSON with a `version`. Unknown members are refused, so that an older program never drops what a newer one
//! wrote: whatever is added raises the version, and older versions are migrated when read.

use std::collections::BTreeMap;

use farthing_api::PackView;
use farthing_protocol::{Day, IssuerName};
use serde::{Deserialize, Serialize};

use crate::held_token::{HeldKey, HeldToken, TokenBytes};
use crate::key_facts::KeyFacts;
use crate::page_payment::PagePayment;
use crate::pass::Pass;
use crate::purchase::{Payment, Purchase, Stage};
use crate::secret_json::to_secret_json;
use crate::seed::Seed;
use crate::service_url::ServiceUrl;

/// Version of the state that this program writes. Version 1 had no payments for pages and no passes.
const STATE_VERSION: u64 = 2;

/// What a wallet remembers.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WalletState {
    version: u64,
    seed: Seed,
    issuers: BTreeMap<String, KnownIssuer>,
    purchases: Vec<Purchase>,
    keys: Vec<HeldKey>,
    exports: Vec<Export>,
    #[serde(default)]
    page_payments: Vec<PagePayment>,
    #[serde(default)]
    passes: Vec<Pass>,
}

/// An issuer that something was bought from, under its name.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownIssuer {
    /// Where it was last reached.
    pub issuer: ServiceUrl,
    /// Where its redeemer was last reached.
    pub redeemer: ServiceUrl,
    /// Index of its next order.
    pub next_order: u64,
    /// Ids of the keys by which the issuer signed its totals when they were last seen.
    #[serde(default)]
    pub issuer_signing_keys: Vec<String>,
    /// The same for the redeemer.
    #[serde(default)]
    pub redeemer_signing_keys: Vec<String>,
}

/// Tokens handed out together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Export {
    /// Its number in this wallet, from 1.
    pub number: u64,
    /// The day.
    pub day: Day,
    /// How many tokens.
    pub count: u64,
    /// Value of one token, in millionths of the currency's unit.
    pub value_micros: u64,
    /// ISO 4217 code.
    pub currency: String,
}

/// Why a state was not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    /// Written by a later program.
    #[error(
        "the wallet's state has version {found}, and versions up to {known} are known: use a newer farthing"
    )]
    NewerVersion {
        /// Its version.
        found: u64,
        /// The newest version known here.
        known: u64,
    },
    /// Not a state.
    #[error("{reason}")]
    Unreadable {
        /// Where and why; no content.
        reason: String,
    },
}

/// What is about to be bought, after everything was compared and before anything is sent.
#[derive(Debug)]
pub struct Intent {
    /// The issuer's name, as the redeemer lists it.
    pub issuer_name: IssuerName,
    /// Where the issuer is reached.
    pub issuer: ServiceUrl,
    /// Where the redeemer is reached.
    pub redeemer: ServiceUrl,
    /// The pack as listed.
    pub pack: PackView,
    /// How it is paid.
    pub payment: Payment,
}

impl WalletState {
    /// The state of a new wallet.
    pub const fn new(seed: Seed) -> Self {
        Self {
            version: STATE_VERSION,
            seed,
            issuers: BTreeMap::new(),
            purchases: Vec::new(),
            keys: Vec::new(),
            exports: Vec::new(),
            page_payments: Vec::new(),
            passes: Vec::new(),
        }
    }

    /// Reads a state.
    ///
    /// # Errors
    ///
    /// [`StateError`].
    pub fn from_json(json: &str) -> Result<Self, StateError> {
        #[derive(Deserialize)]
        struct Versioned {
            version: u64,
        }
        // serde_json's message may quote what it found, and what is found here is secret: the place must do.
        let unreadable = |error: serde_json::Error| StateError::Unreadable {
            reason: format!("its state does not read at byte {}", error.column()),
        };
        let found = serde_json::from_str::<Versioned>(json).map_err(unreadable)?.version;
        match found {
            1..=STATE_VERSION => {}
            0 => return Err(StateError::Unreadable { reason: "its state has the version 0".to_owned() }),
            _ => return Err(StateError::NewerVersion { found, known: STATE_VERSION }),
        }
        let mut state: Self = serde_json::from_str(json).map_err(unreadable)?;
        // What older versions lack is empty, and what they have has not changed.
        state.version = STATE_VERSION;
        state.check()?;
        Ok(state)
    }

    /// Writes the state. The text holds every secret of the wallet.
    ///
    /// # Errors
    ///
    /// [`StateError::Unreadable`] if it cannot be written, which would be a defect.
    pub fn to_json(&self) -> Result<zeroize::Zeroizing<String>, StateError> {
        let unreadable = |reason: String| StateError::Unreadable { reason };
        let mut bytes = to_secret_json(self).map_err(|error| unreadable(error.to_string()))?;
        // The bytes are moved, not copied.
        String::from_utf8(std::mem::take(&mut *bytes))
            .map(zeroize::Zeroizing::new)
            .map_err(|error| unreadable(error.utf8_error().to_string()))
    }

    /// What must hold between the parts.
    fn check(&self) -> Result<(), StateError> {
        let unreadable = |reason: String| Err(StateError::Unreadable { reason });
        for (position, purchase) in self.purchases.iter().enumerate() {
            let next = self.issuers.get(purchase.issuer_name.as_str()).map_or(0, |issuer| issuer.next_order);
            if purchase.order_index >= next {
                return unreadable(format!("purchase {position} has an order index that was not given out"));
            }
        }
        for held in self.keys.iter().flat_map(|key| &key.tokens) {
            if held.export.is_some_and(|number| self.export(number).is_none()) {
                return unreadable("a token belongs to an export that was not made".to_owned());
            }
            if held.payment.is_some_and(|number| self.page_payment(number).is_none()) {
                return unreadable("a token belongs to a payment that was not made".to_owned());
            }
        }
        Ok(())
    }

    /// The seed.
    pub const fn seed(&self) -> &Seed {
        &self.seed
    }

    /// Every issuer that something was bought from, by name.
    pub const fn issuers(&self) -> &BTreeMap<String, KnownIssuer> {
        &self.issuers
    }

    /// One of them, to be changed.
    pub fn issuer_mut(&mut self, name: &str) -> Option<&mut KnownIssuer> {
        self.issuers.get_mut(name)
    }

    /// Every purchase, oldest first.
    pub fn purchases(&self) -> &[Purchase] {
        &self.purchases
    }

    /// The purchase at a position of [`Self::purchases`].
    pub fn purchase(&self, position: PurchasePosition) -> Option<&Purchase> {
        self.purchases.get(position.0)
    }

    pub(crate) fn purchase_mut(&mut self, position: PurchasePosition) -> Option<&mut Purchase> {
        self.purchases.get_mut(position.0)
    }

    /// The positions of the purchases that `wanted` picks, oldest first.
    pub fn positions(&self, wanted: impl Fn(&Purchase) -> bool) -> Vec<PurchasePosition> {
        let chosen = self.purchases.iter().enumerate().filter(|(_, purchase)| wanted(purchase));
        chosen.map(|(position, _)| PurchasePosition(position)).collect()
    }

    /// Every key that signed tokens of ours, in the order of purchase.
    pub fn keys(&self) -> &[HeldKey] {
        &self.keys
    }

    pub(crate) fn keys_mut(&mut self) -> &mut [HeldKey] {
        &mut self.keys
    }

    /// Every export, oldest first.
    pub fn exports(&self) -> &[Export] {
        &self.exports
    }

    /// The export of that number.
    pub fn export(&self, number: u64) -> Option<&Export> {
        self.exports.iter().find(|export| export.number == number)
    }

    /// Every payment for a page, oldest first.
    pub fn page_payments(&self) -> &[PagePayment] {
        &self.page_payments
    }

    /// The payment of that number.
    pub fn page_payment(&self, number: u64) -> Option<&PagePayment> {
        self.page_payments.iter().find(|payment| payment.number == number)
    }

    pub(crate) const fn page_payments_mut(&mut self) -> &mut Vec<PagePayment> {
        &mut self.page_payments
    }

    /// What opens pages that were paid for.
    pub fn passes(&self) -> &[Pass] {
        &self.passes
    }

    pub(crate) const fn passes_mut(&mut self) -> &mut Vec<Pass> {
        &mut self.passes
    }

    pub(crate) fn add_export(&mut self, export: Export) {
        self.exports.push(export);
    }

    /// Records an intent and gives it the issuer's next order index. To be saved before anything is sent.
    pub fn intend(&mut self, intent: Intent, today: Day) -> PurchasePosition {
        let Intent { issuer_name, issuer, redeemer, pack, payment } = intent;
        let known = self.issuers.entry(issuer_name.as_str().to_owned()).or_insert_with(|| KnownIssuer {
            issuer: issuer.clone(),
            redeemer: redeemer.clone(),
            next_order: 0,
            issuer_signing_keys: Vec::new(),
            redeemer_signing_keys: Vec::new(),
        });
        known.issuer = issuer.clone();
        known.redeemer = redeemer.clone();
        let order_index = known.next_order;
        known.next_order += 1;
        self.purchases.push(Purchase {
            order_index,
            issuer_name,
            issuer,
            redeemer,
            pack,
            payment,
            begun: today,
            stage: Stage::Intended,
            stopped: None,
        });
        PurchasePosition(self.purchases.len() - 1)
    }

    /// Adds tokens of a key.
    pub(crate) fn add_tokens(&mut self, issuer_name: &IssuerName, key: &KeyFacts, tokens: Vec<TokenBytes>) {
        let id = key.token_key_id();
        let tokens = tokens.into_iter().map(HeldToken::new);
        match self.keys.iter_mut().find(|held| held.key.token_key_id() == id) {
            Some(held) => held.tokens.extend(tokens),
            None => self.keys.push(HeldKey {
                issuer_name: issuer_name.clone(),
                key: key.clone(),
                tokens: tokens.collect(),
                void_since: None,
            }),
        }
    }
}

/// Where a purchase stands in the wallet's list. Purchases are never removed, so it stays true.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PurchasePosition(usize);

impl PurchasePosition {
    /// The number by which people call the purchase, from 1.
    pub const fn number(self) -> usize {
        self.0 + 1
    }
}
