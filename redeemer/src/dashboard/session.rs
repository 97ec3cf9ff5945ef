use std::fmt;

use data_encoding::BASE64URL_NOPAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::publishers::{ApiKeyHash, ApiKeyRecord, Publisher, PublisherId};
use crate::redemption::IdempotencySecret;

/// The cookie's name. With this prefix browsers take it from this very host, and send it over TLS alone; this machine itself
/// is as good to them. No neighbour under the same domain can set another in its place.
pub const COOKIE: &str = "__Host-farthing-publisher";
/// How long a publisher stays signed in.
const SESSION_SECONDS: u64 = 3_600;

/// Where the cookie is sent: everywhere, which is the one place that goes with its name.
const PATH: &str = "/";
const SECRET_LABEL: &[u8] = b"farthing dashboard session secret v1";
const SESSION_LABEL: &[u8] = b"farthing dashboard session v1";

/// The key of the MACs in sessions. All redeemers on one store have the same.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct SessionSecret([u8; 32]);

impl SessionSecret {
    /// The one that belongs to the redeemer's secret.
    pub fn of(secret: &IdempotencySecret) -> Self {
        Self(secret.mac(SECRET_LABEL).finalize().into_bytes().into())
    }
}

impl fmt::Debug for SessionSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionSecret(..)")
    }
}

/// A publisher that is signed in. Its cookie says the publisher and when it ends, and nothing else; the MAC over both
/// covers the API key that it was signed in with as well, so that the session ends with the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Session {
    /// Who.
    pub publisher: PublisherId,
    /// Unix second from which it is over.
    pub expires: u64,
}

impl Session {
    /// Publisher, end and MAC.
    const LENGTH: usize = PublisherId::LENGTH + 8 + 32;

    /// The session of who signs in at `now`.
    pub const fn new(publisher: PublisherId, now: u64) -> Self {
        Self { publisher, expires: now.saturating_add(SESSION_SECONDS) }
    }

    /// The header `Set-Cookie` that signs in with the key of this hash.
    pub fn cookie(&self, secret: &SessionSecret, key: &ApiKeyHash) -> String {
        let mut bytes = Vec::with_capacity(Self::LENGTH);
        bytes.extend_from_slice(self.publisher.as_bytes());
        bytes.extend_from_slice(&self.expires.to_be_bytes());
        bytes.extend_from_slice(&self.mac(secret, key));
        let value = BASE64URL_NOPAD.encode(&bytes);
        format!("{COOKIE}={value}; Path={PATH}; Max-Age={SESSION_SECONDS}; Secure; HttpOnly; SameSite=Strict")
    }

    /// The header `Set-Cookie` that signs out.
    pub fn end_cookie() -> String {
        format!("{COOKIE}=; Path={PATH}; Max-Age=0; Secure; HttpOnly; SameSite=Strict")
    }

    /// What a cookie's value says, unless it is out of form or over. Whether it is true, [`Self::shown_by`] knows.
    pub fn read(value: &str, now: u64) -> Option<(Self, [u8; 32])> {
        let bytes = BASE64URL_NOPAD.decode(value.as_bytes()).ok()?;
        let (publisher, rest) = bytes.split_first_chunk()?;
        let (expires, mac) = rest.split_first_chunk()?;
        let session =
            Self { publisher: PublisherId::from_bytes(*publisher), expires: u64::from_be_bytes(*expires) };
        (now < session.expires).then_some((session, mac.try_into().ok()?))
    }

    /// The key in force that it was signed in with, if that is the publisher's.
    pub fn shown_by<'a>(
        &self,
        mac: &[u8; 32],
        secret: &SessionSecret,
        publisher: &'a Publisher,
    ) -> Option<&'a ApiKeyRecord> {
        let is_shown = |key: &&ApiKeyRecord| bool::from(self.mac(secret, &key.hash).ct_eq(mac));
        publisher.keys_in_force().filter(|_| publisher.id == self.publisher).find(is_shown)
    }

    fn mac(&self, secret: &SessionSecret, key: &ApiKeyHash) -> [u8; 32] {
        // HMAC fills a key that is shorter than its block with zeros; doing so here leaves no error to handle.
        let mut block = Zeroizing::new([0; 64]);
        block.iter_mut().zip(&secret.0).for_each(|(to, from)| *to = *from);
        let mac = <Hmac<Sha256> as KeyInit>::new((&*block).into());
        let mac = mac.chain_update(SESSION_LABEL).chain_update(self.publisher.as_bytes());
        let mac = mac.chain_update(self.expires.to_be_bytes()).chain_update(key.as_bytes());
        mac.finalize().into_bytes().into()
    }
}

#[cfg(test)]
mod tests {
    use farthing_protocol::Day;
    use proptest::prelude::*;

    use super::*;
    use crate::publishers::{ApiKey, Identity, PublisherChange};

    fn secret(byte: u8) -> SessionSecret {
        SessionSecret::of(&IdempotencySecret::from_bytes(&[byte; 32]))
    }

    fn publisher() -> (Publisher, ApiKeyHash) {
        let (key, created) = (ApiKey::random().unwrap(), Day::from_unix(0));
        let keys = vec![ApiKeyRecord::new(&key, created)];
        let identity = Identity::Known { name: "Daily".parse().unwrap(), payout_reference: None };
        (Publisher { id: PublisherId::from_bytes([1; 16]), identity, created, keys }, key.hash())
    }

    fn value(cookie: &str) -> &str {
        cookie.split_once('=').unwrap().1.split_once(';').unwrap().0
    }

    fn is_signed_in(value: &str, secret: &SessionSecret, publisher: &Publisher, now: u64) -> bool {
        Session::read(value, now)
            .is_some_and(|(session, mac)| session.shown_by(&mac, secret, publisher).is_some())
    }

    #[test]
    fn a_session_ends_with_its_time_and_with_its_key() {
        let (publisher, key) = publisher();
        let cookie = Session::new(publisher.id, 1_000).cookie(&secret(1), &key);
        let (name, attributes) = (cookie.split('=').next().unwrap(), cookie.split_once("; ").unwrap().1);
        assert_eq!(name, "__Host-farthing-publisher");
        assert_eq!(attributes, "Path=/; Max-Age=3600; Secure; HttpOnly; SameSite=Strict");
        let value = value(&cookie);
        assert!(is_signed_in(value, &secret(1), &publisher, 4_599));
        assert!(!is_signed_in(value, &secret(1), &publisher, 4_600));
        assert!(!is_signed_in(value, &secret(2), &publisher, 1_000));

        let other = ApiKeyRecord::new(&ApiKey::random().unwrap(), publisher.created);
        let both = publisher.changed(&PublisherChange::AddKey(other.clone())).unwrap();
        assert!(is_signed_in(value, &secret(1), &both, 1_000));
        let left = both.changed(&PublisherChange::RevokeKey(other.id)).unwrap();
        assert!(is_signed_in(value, &secret(1), &left, 1_000));
        let rolled = both.changed(&PublisherChange::RevokeKey(both.keys[0].id)).unwrap();
        assert!(!is_signed_in(value, &secret(1), &rolled, 1_000));
        let another = Publisher { id: PublisherId::from_bytes([2; 16]), ..publisher };
        assert!(!is_signed_in(value, &secret(1), &another, 1_000));
        assert_eq!(format!("{:?}", secret(1)), "SessionSecret(..)");
    }

    proptest! {
        #[test]
        fn no_byte_of_a_session_can_be_changed(place in 0..Session::LENGTH, change in 1..=255_u8) {
            let (publisher, key) = publisher();
            let cookie = Session::new(publisher.id, 1_000).cookie(&secret(1), &key);
            let mut bytes = BASE64URL_NOPAD.decode(value(&cookie).as_bytes()).unwrap();
            bytes[place] ^= change;
            prop_assert!(!is_signed_in(&BASE64URL_NOPAD.encode(&bytes), &secret(1), &publisher, 1_000));
        }

        #[test]
        fn any_other_text_is_no_session(text in "\\PC{0,80}|[A-Za-z0-9_-]{70,80}") {
            prop_assert!(!is_signed_in(&text, &secret(1), &publisher().0, 1));
        }
    }
}
