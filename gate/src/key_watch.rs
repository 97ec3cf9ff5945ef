use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use farthing_api::KeyListing;
use farthing_protocol::IssuerName;

use crate::payment::{AcceptedKey, AcceptedKeys};
use crate::redeemer::Redeemer;

/// How often the redeemer is asked for its keys. A key is listed a day before it is used.
const PERIOD: Duration = Duration::from_mins(1);
/// How often while it does not answer.
const IMPATIENT: Duration = Duration::from_secs(1);

/// The keys that the redeemer accepts, as it last said.
pub struct KeyWatch {
    issuer: IssuerName,
    most_tokens: usize,
    current: ArcSwapOption<AcceptedKeys>,
    /// What was wrong the last time, so that a fault that lasts is logged once.
    fault: Mutex<Option<String>>,
}

impl KeyWatch {
    /// Keys of that issuer, for payments of at most so many tokens; none is known yet.
    pub fn new(issuer: IssuerName, most_tokens: usize) -> Self {
        Self { issuer, most_tokens, current: ArcSwapOption::empty(), fault: Mutex::default() }
    }

    /// The keys, once the redeemer has said which. They stay in force while it is away: whether their tokens are taken is
    /// decided by the redeemer alone.
    pub fn current(&self) -> Option<Arc<AcceptedKeys>> {
        self.current.load_full()
    }

    /// Whether the last question went well.
    pub fn is_fresh(&self) -> bool {
        self.fault.lock().unwrap_or_else(PoisonError::into_inner).is_none() && self.current.load().is_some()
    }

    /// Asks once.
    pub async fn refresh(&self, redeemer: &Redeemer) {
        let asked = match redeemer.keys().await {
            Ok(listing) => self.read(&listing),
            Err(error) => Err(error.to_string()),
        };
        let mut fault = self.fault.lock().unwrap_or_else(PoisonError::into_inner);
        match asked {
            Ok(keys) => {
                if fault.take().is_some() {
                    tracing::info!("the redeemer's keys are there again");
                }
                self.current.store(Some(Arc::new(keys)));
            }
            Err(cause) => {
                if fault.as_ref() != Some(&cause) {
                    tracing::error!(%cause, "the redeemer's keys were not fetched; those fetched before stay in force");
                }
                *fault = Some(cause);
            }
        }
    }

    /// Asks again and again, for ever.
    pub async fn watch(&self, redeemer: &Redeemer, mut told: impl FnMut(bool)) {
        loop {
            self.refresh(redeemer).await;
            let fresh = self.is_fresh();
            told(fresh);
            tokio::time::sleep(if fresh { PERIOD } else { IMPATIENT }).await;
        }
    }

    fn read(&self, listing: &KeyListing) -> Result<AcceptedKeys, String> {
        if listing.issuer_name != self.issuer.as_str() {
            return Err("it takes tokens of another issuer; compare issuer_name and redeemer.url".to_owned());
        }
        let keys: Option<Vec<_>> = listing.keys.iter().map(AcceptedKey::listed).collect();
        let keys = keys.ok_or("a key that it lists is none")?;
        Ok(AcceptedKeys::new(self.issuer.clone(), keys, self.most_tokens))
    }
}

impl fmt::Debug for KeyWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyWatch").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use farthing_api::{Base64Url, KeyEntry};
    use farthing_protocol::{DERIVATION_INFO, TokenKeyId};
    use farthing_voprf::SecretKey;

    use super::*;

    fn listing() -> KeyListing {
        let key = SecretKey::derive(&[1; 32], DERIVATION_INFO).unwrap().public_key().clone();
        let entry = KeyEntry {
            token_key_id: Base64Url(TokenKeyId::of(&key).to_bytes()),
            token_key: Base64Url(key.to_bytes()),
            value_micros: 10_000,
            currency: "EUR".to_owned(),
            not_before: 0,
            issue_until: 86_400,
            redeem_until: 172_800,
        };
        KeyListing { issuer_name: "issuer.example".to_owned(), keys: vec![entry] }
    }

    #[test]
    fn only_keys_of_the_issuer_that_are_what_they_say_are_read() {
        let watch = KeyWatch::new(IssuerName::new("issuer.example").unwrap(), 30);
        let keys = watch.read(&listing()).unwrap();
        assert_eq!(
            keys.find(&TokenKeyId::from_bytes(listing().keys[0].token_key_id.0)).unwrap().redeem_until,
            172_800
        );
        let mut other = listing();
        other.issuer_name = "other.example".to_owned();
        assert!(watch.read(&other).unwrap_err().contains("another issuer"));
        let mut swapped = listing();
        swapped.keys[0].token_key_id = Base64Url([0; 32]);
        assert!(watch.read(&swapped).is_err());
        let mut broken = listing();
        broken.keys[0].token_key = Base64Url([0xff; 32]);
        assert!(watch.read(&broken).is_err());
        assert!(watch.current().is_none() && !watch.is_fresh());
    }
}
