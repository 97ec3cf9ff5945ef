use std::fmt;

use farthing_api::Base64Url;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::request::{RedemptionRequest, SubmittedToken};
use crate::publishers::PublisherId;

const KEY_LABEL: &[u8] = b"farthing Idempotency-Key v1";
const REQUEST_LABEL: &[u8] = b"farthing redemption request v1";

/// The value of an `Idempotency-Key` header: 1 to 255 printable ASCII characters. It may name content, so it has no
/// Debug, and only a MAC of it is kept.
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// Reads a header's value or a path's last part; `None` when it is out of form.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let printable = text.iter().all(|byte| (0x20..0x7f).contains(byte));
        if !printable || !(1..=255).contains(&text.len()) {
            return None;
        }
        str::from_utf8(text).ok().map(|text| Self(text.to_owned()))
    }
}

/// The redeemer's key for MACs over what publishers send: whoever reads the store alone cannot test guesses of it.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct IdempotencySecret([u8; 32]);

impl IdempotencySecret {
    /// The secret of these bytes.
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(*bytes)
    }

    /// Under which a publisher's answer is kept.
    pub fn key_mac(&self, publisher: PublisherId, key: &IdempotencyKey) -> IdempotencyMac {
        let mut mac = self.mac(KEY_LABEL);
        mac.update(publisher.as_bytes());
        mac.update(key.0.as_bytes());
        IdempotencyMac(mac.finalize().into_bytes().into())
    }

    /// What tells one request from another: its tokens, their order, and whether they are taken together. A token has
    /// one form here, whichever it was sent in.
    pub fn request_mac(&self, request: &RedemptionRequest) -> RequestMac {
        let mut mac = self.mac(REQUEST_LABEL);
        mac.update(&[u8::from(request.atomic)]);
        for token in &request.tokens {
            match token {
                SubmittedToken::Bytes(bytes) => {
                    mac.update(&[1]);
                    mac.update(&bytes[..]);
                }
                SubmittedToken::Malformed(text) => {
                    mac.update(&[0]);
                    mac.update(&u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
                    mac.update(text.as_bytes());
                }
            }
        }
        RequestMac(mac.finalize().into_bytes().into())
    }

    /// A MAC over what is added to it, for the purpose that the label names.
    pub fn mac(&self, label: &[u8]) -> Hmac<Sha256> {
        // HMAC fills a key that is shorter than its block with zeros; doing so here leaves no error to handle.
        let mut block = Zeroizing::new([0; 64]);
        block.iter_mut().zip(&self.0).for_each(|(to, from)| *to = *from);
        let mut mac = <Hmac<Sha256> as KeyInit>::new((&*block).into());
        mac.update(label);
        mac
    }
}

impl fmt::Debug for IdempotencySecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdempotencySecret(..)")
    }
}

/// HMAC-SHA-256 of a publisher's id and its Idempotency-Key.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct IdempotencyMac([u8; 32]);

impl IdempotencyMac {
    /// A MAC as a store has it.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// What tells, modulo their number, in which group of keys the answer is kept, where a store is divided.
    pub fn home(&self) -> usize {
        let [first, second, ..] = self.0;
        usize::from(u16::from_be_bytes([first, second]))
    }
}

impl fmt::Debug for IdempotencyMac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdempotencyMac(..)")
    }
}

/// HMAC-SHA-256 of a request; equal requests have equal ones. Compared in constant time.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(from = "Base64Url<[u8; 32]>", into = "Base64Url<[u8; 32]>")]
pub struct RequestMac([u8; 32]);

impl fmt::Debug for RequestMac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RequestMac(..)")
    }
}

impl PartialEq for RequestMac {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for RequestMac {}

impl From<Base64Url<[u8; 32]>> for RequestMac {
    fn from(bytes: Base64Url<[u8; 32]>) -> Self {
        Self(bytes.0)
    }
}

impl From<RequestMac> for Base64Url<[u8; 32]> {
    fn from(mac: RequestMac) -> Self {
        Self(mac.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> IdempotencyKey {
        IdempotencyKey::parse(text.as_bytes()).unwrap()
    }

    fn request(tokens: Vec<SubmittedToken>) -> RequestMac {
        IdempotencySecret::from_bytes(&[1; 32]).request_mac(&RedemptionRequest { tokens, atomic: true })
    }

    #[test]
    fn keys_are_printable_ascii() {
        for text in ["a", "/articles/1 ~", &"x".repeat(255)] {
            assert!(IdempotencyKey::parse(text.as_bytes()).is_some(), "{text}");
        }
        for text in ["", "a\tb", "a\u{7f}", "\u{e9}", &"x".repeat(256)] {
            assert!(IdempotencyKey::parse(text.as_bytes()).is_none(), "{text}");
        }
    }

    #[test]
    fn each_publisher_and_each_secret_has_keys_of_its_own() {
        let [secret, other] = [[1; 32], [2; 32]].map(|bytes| IdempotencySecret::from_bytes(&bytes));
        let [a, b] = [[1; 16], [2; 16]].map(PublisherId::from_bytes);
        assert_eq!(secret.key_mac(a, &key("k")), secret.key_mac(a, &key("k")));
        assert_ne!(secret.key_mac(a, &key("k")), secret.key_mac(a, &key("l")));
        assert_ne!(secret.key_mac(a, &key("k")), secret.key_mac(b, &key("k")));
        assert_ne!(secret.key_mac(a, &key("k")), other.key_mac(a, &key("k")));
    }

    #[test]
    fn no_two_requests_share_an_encoding() {
        let bytes = |byte| SubmittedToken::Bytes(Box::new([byte; 162]));
        let text = |text: &str| SubmittedToken::Malformed(text.to_owned());
        let all = [
            request(vec![bytes(1)]),
            request(vec![bytes(1), bytes(1)]),
            request(vec![bytes(1), bytes(2)]),
            request(vec![bytes(2), bytes(1)]),
            request(vec![text("a"), text("b")]),
            request(vec![text("ab")]),
            request(vec![text("ab"), text("")]),
        ];
        for (index, mac) in all.iter().enumerate() {
            assert_eq!(all.iter().filter(|other| *other == mac).count(), 1, "{index}");
        }
    }

    #[test]
    fn debug_shows_neither_the_secret_nor_a_mac() {
        let secret = IdempotencySecret::from_bytes(&[7; 32]);
        let shown = format!(
            "{secret:?} {:?} {:?}",
            secret.key_mac(PublisherId::from_bytes([1; 16]), &key("k")),
            request(vec![])
        );
        assert_eq!(shown, "IdempotencySecret(..) IdempotencyMac(..) RequestMac(..)");
    }
}
