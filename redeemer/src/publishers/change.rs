use farthing_protocol::Day;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{ApiKeyId, ApiKeyRecord, Identity, Owed, PayoutReference, Publisher, PublisherName};

/// How many API keys a publisher may have in force, so that they can be rolled, and each of its servers has its own.
pub const MOST_KEYS: usize = 10;
/// How many revoked keys are remembered; beyond that the oldest are forgotten.
const REVOKED_KEPT: usize = 100;

/// What may change of a publisher.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PublisherChange {
    /// It gets one more API key. One that it has already is left as it is.
    AddKey(ApiKeyRecord),
    /// An API key is taken out of force, for ever. One that is already is left as it is.
    RevokeKey(ApiKeyId),
    /// It gives itself one more API key.
    RollIn {
        /// The new one.
        key: ApiKeyRecord,
        /// The one that it shows, which is in force.
        by: ApiKeyId,
    },
    /// It takes one of its API keys out of force, for ever. The only one stays: without any it could do nothing any more.
    RollOut {
        /// Which.
        key: ApiKeyId,
        /// The one that it shows, which is in force.
        by: ApiKeyId,
    },
    /// The operator knows it better.
    Describe {
        /// Its name from now on, if that changes.
        name: Option<PublisherName>,
        /// Where it is paid from now on, if that changes.
        payout_reference: Option<NewPayoutReference>,
    },
    /// Who it is and how it shows that is forgotten, for ever. One that was erased already is left as it is.
    Erase {
        /// Today.
        on: Day,
        /// What became of what was owed to it.
        owed: Owed,
    },
}

/// What a payout reference becomes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NewPayoutReference {
    /// This.
    Set(PayoutReference),
    /// There is none any more.
    Remove,
}

/// Why nothing changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum NotChanged {
    /// It is nobody any more.
    #[error("the publisher was erased on {0}, for ever; `publishers add` makes a new one")]
    Erased(Day),
    /// It has no such key.
    #[error("the publisher has no API key {0}; `publishers list` shows its keys")]
    UnknownKey(ApiKeyId),
    /// It had that key once.
    #[error("the API key {0} was revoked, for ever; make a new one")]
    KeyRevoked(ApiKeyId),
    /// What it shows is in force no more.
    #[error("the API key {0} is in force no more")]
    ShownRevoked(ApiKeyId),
    /// It has no other.
    #[error("the API key {0} is the only one in force; make another first")]
    OnlyKey(ApiKeyId),
    /// It has as many as it may.
    #[error(
        "the publisher has {MOST_KEYS} API keys in force, which is as many as it may have; revoke one first"
    )]
    TooManyKeys,
}

impl Publisher {
    /// The publisher after a change: the one place that says what is allowed.
    ///
    /// # Errors
    /// [`NotChanged`].
    pub fn changed(&self, change: &PublisherChange) -> Result<Self, NotChanged> {
        if let PublisherChange::RollIn { by, .. } | PublisherChange::RollOut { by, .. } = change
            && !self.keys_in_force().any(|key| key.id == *by)
        {
            return Err(NotChanged::ShownRevoked(*by));
        }
        let mut new = self.clone();
        let (name, payout_reference) = match &mut new.identity {
            Identity::Known { name, payout_reference } => (name, payout_reference),
            Identity::Erased { .. } if matches!(change, PublisherChange::Erase { .. }) => return Ok(new),
            Identity::Erased { on, .. } => return Err(NotChanged::Erased(*on)),
        };
        match change {
            PublisherChange::RollOut { key, .. } if self.keys_in_force().all(|other| other.id == *key) => {
                return Err(NotChanged::OnlyKey(*key));
            }
            PublisherChange::AddKey(key) | PublisherChange::RollIn { key, .. } => {
                if let Some(known) = self.keys.iter().find(|known| known.hash == key.hash) {
                    return if known.revoked { Err(NotChanged::KeyRevoked(known.id)) } else { Ok(new) };
                }
                if self.keys_in_force().count() >= MOST_KEYS {
                    return Err(NotChanged::TooManyKeys);
                }
                new.keys.push(key.clone());
                new.forget_revoked();
            }
            PublisherChange::RevokeKey(id) | PublisherChange::RollOut { key: id, .. } => {
                let mut known = new.keys.iter_mut().filter(|key| key.id == *id).peekable();
                if known.peek().is_none() {
                    return Err(NotChanged::UnknownKey(*id));
                }
                known.for_each(|key| key.revoked = true);
            }
            PublisherChange::Describe { name: new_name, payout_reference: new_reference } => {
                if let Some(new_name) = new_name {
                    *name = new_name.clone();
                }
                match new_reference {
                    Some(NewPayoutReference::Set(reference)) => *payout_reference = Some(reference.clone()),
                    Some(NewPayoutReference::Remove) => *payout_reference = None,
                    None => {}
                }
            }
            PublisherChange::Erase { on, owed } => {
                new.identity = Identity::Erased { on: *on, owed: *owed };
                new.keys.clear();
            }
        }
        Ok(new)
    }

    /// A publisher rolls its keys by itself, so what is remembered of them has an end.
    fn forget_revoked(&mut self) {
        let revoked = self.keys.iter().filter(|key| key.revoked).count();
        let mut too_many = revoked.saturating_sub(REVOKED_KEPT);
        self.keys.retain(|key| {
            let forgotten = key.revoked && too_many > 0;
            too_many -= usize::from(forgotten);
            !forgotten
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::publishers::{ApiKey, PublisherId};

    fn day() -> Day {
        "2026-11-22".parse().unwrap()
    }

    fn key() -> ApiKeyRecord {
        ApiKeyRecord::new(&ApiKey::random().unwrap(), day())
    }

    fn daily() -> Publisher {
        let identity = Identity::Known { name: "Daily".parse().unwrap(), payout_reference: None };
        Publisher { id: PublisherId::from_bytes([1; 16]), identity, created: day(), keys: vec![key()] }
    }

    fn named(name: &str) -> PublisherChange {
        PublisherChange::Describe { name: Some(name.parse().unwrap()), payout_reference: None }
    }

    #[test]
    fn what_is_not_named_stays() {
        let reference: PayoutReference = "IBAN 7".parse().unwrap();
        let set = NewPayoutReference::Set(reference.clone());
        let paid =
            daily().changed(&PublisherChange::Describe { name: None, payout_reference: Some(set) }).unwrap();
        assert_eq!((paid.name(), paid.payout_reference()), (daily().name(), Some(&reference)));
        let renamed = paid.changed(&named("Weekly")).unwrap();
        assert_eq!(
            (renamed.name().unwrap().as_str(), renamed.payout_reference()),
            ("Weekly", Some(&reference))
        );
        let remove =
            PublisherChange::Describe { name: None, payout_reference: Some(NewPayoutReference::Remove) };
        assert_eq!(renamed.changed(&remove).unwrap().payout_reference(), None);
    }

    #[test]
    fn a_publisher_has_so_many_keys_and_no_more() {
        let mut publisher = daily();
        for _ in 1..MOST_KEYS {
            publisher = publisher.changed(&PublisherChange::AddKey(key())).unwrap();
        }
        assert_eq!(publisher.changed(&PublisherChange::AddKey(key())), Err(NotChanged::TooManyKeys));
        for _ in 0..REVOKED_KEPT + 50 {
            let oldest = publisher.keys_in_force().next().unwrap().id;
            publisher = publisher.changed(&PublisherChange::RevokeKey(oldest)).unwrap();
            assert_eq!(publisher.changed(&PublisherChange::RevokeKey(oldest)), Ok(publisher.clone()));
            publisher = publisher.changed(&PublisherChange::AddKey(key())).unwrap();
        }
        assert_eq!(publisher.keys_in_force().count(), MOST_KEYS);
        assert_eq!(publisher.keys.len(), MOST_KEYS + REVOKED_KEPT);
        let other = key().id;
        assert_eq!(publisher.changed(&PublisherChange::RevokeKey(other)), Err(NotChanged::UnknownKey(other)));
    }

    /// Two set-ups may hand over the same key at once.
    #[test]
    fn a_key_is_there_once_and_revoked_for_ever() {
        let (new, publisher) = (key(), daily());
        let add = PublisherChange::AddKey(new.clone());
        let once = publisher.changed(&add).unwrap();
        assert_eq!(once.changed(&add), Ok(once.clone()));
        let revoked = once.changed(&PublisherChange::RevokeKey(new.id)).unwrap();
        assert!(!revoked.is_shown_by(&new.hash));
        assert_eq!(revoked.changed(&add), Err(NotChanged::KeyRevoked(new.id)));
        // As a record has it that was written before this was looked at.
        let twice = Publisher { keys: [once.keys.clone(), vec![new.clone()]].concat(), ..once };
        assert!(!twice.changed(&PublisherChange::RevokeKey(new.id)).unwrap().is_shown_by(&new.hash));
    }

    /// However many do so at once, each change is judged by what is there.
    #[test]
    fn a_publisher_rolls_its_keys_by_one_in_force_and_keeps_one() {
        let (publisher, other) = (daily(), key());
        let (own, new) = (publisher.keys[0].id, other.id);
        let out = |key, by| PublisherChange::RollOut { key, by };
        assert_eq!(publisher.changed(&out(own, own)), Err(NotChanged::OnlyKey(own)));
        let both = publisher.changed(&PublisherChange::RollIn { key: other, by: own }).unwrap();
        let left = both.changed(&out(own, own)).unwrap();
        assert_eq!(left.changed(&out(new, own)), Err(NotChanged::ShownRevoked(own)));
        let late = PublisherChange::RollIn { key: key(), by: own };
        assert_eq!(left.changed(&late), Err(NotChanged::ShownRevoked(own)));
        assert_eq!(left.changed(&out(new, new)), Err(NotChanged::OnlyKey(new)));
    }

    #[test]
    fn an_erased_publisher_is_nobody_for_ever() {
        let erased = daily().changed(&PublisherChange::Erase { on: day(), owed: Owed::Forfeited }).unwrap();
        assert_eq!((erased.name(), erased.payout_reference(), erased.keys.len()), (None, None, 0));
        let again = erased.changed(&PublisherChange::Erase { on: day().next(), owed: Owed::Nothing });
        assert_eq!(again, Ok(erased.clone()), "the first erasure counts");
        for change in [PublisherChange::AddKey(key()), PublisherChange::RevokeKey(key().id), named("Daily")] {
            assert_eq!(erased.changed(&change), Err(NotChanged::Erased(day())));
        }
    }
}
