//! Whether issuer and redeemer show the same keys to us, so that we are not given a key of our own.
//!
//! A key that few others buy under would make few readers' tokens recognisable. The redeemer is asked on another
//! connection; a lie would have to be told by both, to everybody alike.

use std::collections::BTreeMap;

use farthing_api::{KeyListing, PackView};
use farthing_protocol::{Denomination, DirectoryKey, IssuerDirectory, IssuerName, TokenKeyId, TokenType};

use crate::held_token::HeldKey;
use crate::key_facts::{KeyFacts, KeyFactsError};
use crate::service_answer::tame;
use crate::service_url::{ServiceUrl, ServiceUrlError};

/// The key to buy under, and where token requests go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgreedKey {
    /// The key.
    pub key: KeyFacts,
    /// Absolute URL at the issuer's own origin.
    pub request_url: String,
}

/// Why nothing is bought under these keys. Nothing was spent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyDisagreement {
    /// They name different issuers, or the directory names none.
    #[error(
        "the redeemer takes tokens of issuer `{redeemer}`, and the issuer calls itself {issuer}. Every token is bound to \
         that name, so another name would mark yours. Buy nothing, and tell the operator"
    )]
    IssuerName {
        /// What the directory says.
        issuer: String,
        /// What the redeemer says.
        redeemer: String,
    },
    /// The issuer's name is not that of its host.
    #[error(
        "the issuer at {authority} calls itself `{issuer}`. It could call itself otherwise to everybody, and so mark their \
         tokens: an issuer's name is its host. Buy nothing, and tell the operator"
    )]
    NotItsName {
        /// Where it was asked.
        authority: String,
        /// What it calls itself.
        issuer: String,
    },
    /// Both list a key, with other facts.
    #[error(
        "issuer and redeemer disagree about key {token_key_id}: its value or its dates differ. Buy nothing under it, \
         and tell the operator"
    )]
    Facts {
        /// The key.
        token_key_id: TokenKeyId,
    },
    /// A key that tokens of this wallet were bought under has other facts now.
    #[error(
        "the value or the dates of key {token_key_id} have changed since this wallet bought under it. Buy nothing, \
         and tell the operator"
    )]
    Changed {
        /// The key.
        token_key_id: TokenKeyId,
    },
    /// A listed key makes no sense.
    #[error("the {service} lists a key that is refused: {error}")]
    Nonsense {
        /// Who lists it.
        service: &'static str,
        /// What is wrong with it.
        error: KeyFactsError,
    },
    /// A key is listed twice, or two keys have one truncated id.
    #[error("the {service} lists two keys that cannot be told apart ({token_key_id})")]
    Ambiguous {
        /// Who lists them.
        service: &'static str,
        /// One of them.
        token_key_id: TokenKeyId,
    },
    /// No key issues the denomination now.
    #[error(
        "the {service} lists no key that issues {denomination} now; check this machine's clock, or try again later"
    )]
    NoneIssuing {
        /// Who lists none.
        service: &'static str,
        /// What is to be bought.
        denomination: Denomination,
    },
    /// More than one key issues the denomination.
    #[error(
        "the {service} lists {count} keys that issue {denomination} now; one is allowed, because several divide \
         the buyers into groups"
    )]
    SeveralIssuing {
        /// Who lists them.
        service: &'static str,
        /// What is to be bought.
        denomination: Denomination,
        /// How many.
        count: usize,
    },
    /// The issuing keys are two different ones.
    #[error(
        "the issuer issues {denomination} under key {issuer} and the redeemer knows {redeemer}. Just after a key was \
         replaced this passes within a minute; otherwise do not buy, and tell the operator"
    )]
    OtherKey {
        /// What is to be bought.
        denomination: Denomination,
        /// The issuer's key.
        issuer: TokenKeyId,
        /// The redeemer's key.
        redeemer: TokenKeyId,
    },
    /// The pack's value is not one.
    #[error("the pack `{pack}` has a value per token that is none: {reason}")]
    PackValue {
        /// The pack.
        pack: String,
        /// What is wrong.
        reason: String,
    },
    /// Token requests would leave the issuer's origin.
    #[error(transparent)]
    RequestUri(#[from] ServiceUrlError),
}

/// Compares the directory with the redeemer's keys and finds the one key that issues the pack's denomination at the
/// unix second `now`.
///
/// A key that both list must be the same in every fact. Keys that only one of them lists are passed over unless
/// they issue the denomination now: both read the keyring at their own pace.
///
/// # Errors
///
/// [`KeyDisagreement`] says what differs and what to do.
pub fn agree(
    issuer: &ServiceUrl,
    directory: &IssuerDirectory,
    listing: &KeyListing,
    pack: &PackView,
    held: &[HeldKey],
    now: u64,
) -> Result<AgreedKey, KeyDisagreement> {
    let denomination = Denomination::from_parts(pack.value_micros, &pack.currency)
        .map_err(|error| KeyDisagreement::PackValue { pack: tame(&pack.id), reason: error.to_string() })?;
    if directory.issuer_name.as_ref().map(IssuerName::as_str) != Some(listing.issuer_name.as_str()) {
        let named = |name: &IssuerName| format!("`{}`", tame(name.as_str()));
        let issuer = directory.issuer_name.as_ref().map_or_else(|| "nothing".to_owned(), named);
        return Err(KeyDisagreement::IssuerName { issuer, redeemer: tame(&listing.issuer_name) });
    }
    if let Some(authority) = issuer.https_authority().filter(|authority| *authority != listing.issuer_name) {
        return Err(KeyDisagreement::NotItsName { authority, issuer: tame(&listing.issuer_name) });
    }
    let issuing = directory_facts(&directory.token_keys)?;
    let redeem_only = directory_facts(&directory.redeem_only_keys)?;
    let revoked = directory_facts(&directory.revoked_keys)?;
    check_distinct("issuer", issuing.iter().chain(&redeem_only).chain(&revoked), false)?;
    check_distinct("issuer", issuing.iter(), true)?;
    let accepted: Vec<KeyFacts> = listing
        .keys
        .iter()
        .map(KeyFacts::try_from)
        .collect::<Result<_, _>>()
        .map_err(|error| KeyDisagreement::Nonsense { service: "redeemer", error })?;
    check_distinct("redeemer", accepted.iter(), false)?;

    let at_redeemer: BTreeMap<_, _> = accepted.iter().map(|key| (key.token_key_id(), key)).collect();
    let in_wallet: BTreeMap<_, _> = held.iter().map(|held| (held.key.token_key_id(), &held.key)).collect();
    for key in issuing.iter().chain(&redeem_only).chain(&revoked) {
        let token_key_id = key.token_key_id();
        if at_redeemer.get(&token_key_id).is_some_and(|other| *other != key) {
            return Err(KeyDisagreement::Facts { token_key_id });
        }
    }
    for key in issuing.iter().chain(&redeem_only).chain(&revoked).chain(&accepted) {
        let token_key_id = key.token_key_id();
        if in_wallet.get(&token_key_id).is_some_and(|other| *other != key) {
            return Err(KeyDisagreement::Changed { token_key_id });
        }
    }

    let key = the_issuing_key("issuer", &issuing, denomination, now)?;
    let other = the_issuing_key("redeemer", &accepted, denomination, now)?;
    if key != other {
        return Err(KeyDisagreement::OtherKey {
            denomination,
            issuer: key.token_key_id(),
            redeemer: other.token_key_id(),
        });
    }
    let request_url = issuer.resolve(IssuerDirectory::PATH, &directory.issuer_request_uri)?;
    Ok(AgreedKey { key: key.clone(), request_url })
}

/// The keys of our token type. One that tells no denomination or dates cannot be compared and is refused.
fn directory_facts(keys: &[DirectoryKey]) -> Result<Vec<KeyFacts>, KeyDisagreement> {
    let ours = keys.iter().filter(|key| TokenType::from_u16(key.token_type).is_some());
    let facts = ours.map(|key| {
        let wrong = |field, reason: &str| KeyDisagreement::Nonsense {
            service: "issuer",
            error: KeyFactsError { field, reason: format!("{reason} (key {})", key.token_key_id()) },
        };
        let public_key = key.public_key().map_err(|error| wrong("token-key", &error.to_string()))?;
        let denomination = key
            .denomination()
            .ok_or_else(|| wrong("value-micros, currency", "they are missing or say no value"))?;
        let epoch = key.epoch().ok_or_else(|| {
            wrong("not-before, issue-until, redeem-until", "they are missing, no midnights, or not in order")
        })?;
        Ok(KeyFacts::new(public_key, denomination, epoch))
    });
    facts.collect()
}

fn check_distinct<'a>(
    service: &'static str,
    keys: impl Iterator<Item = &'a KeyFacts>,
    by_truncated_id: bool,
) -> Result<(), KeyDisagreement> {
    let mut ids = std::collections::BTreeSet::new();
    let mut truncated = std::collections::BTreeSet::new();
    for key in keys {
        let token_key_id = key.token_key_id();
        let is_new = ids.insert(token_key_id);
        let is_new_truncated = truncated.insert(token_key_id.truncated());
        if !is_new || (by_truncated_id && !is_new_truncated) {
            return Err(KeyDisagreement::Ambiguous { service, token_key_id });
        }
    }
    Ok(())
}

fn the_issuing_key<'a>(
    service: &'static str,
    keys: &'a [KeyFacts],
    denomination: Denomination,
    now: u64,
) -> Result<&'a KeyFacts, KeyDisagreement> {
    let issuing: Vec<_> =
        keys.iter().filter(|key| key.denomination() == denomination && key.epoch().issues_at(now)).collect();
    match issuing.as_slice() {
        [key] => Ok(key),
        [] => Err(KeyDisagreement::NoneIssuing { service, denomination }),
        several => Err(KeyDisagreement::SeveralIssuing { service, denomination, count: several.len() }),
    }
}

#[cfg(test)]
mod tests;
