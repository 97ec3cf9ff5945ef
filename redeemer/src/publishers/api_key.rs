use std::fmt;
use std::str::FromStr;

use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use farthing_api::Base64Url;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use thiserror::Error;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// What every key's text begins with, so that scanners for leaked secrets can be taught to find it.
const PREFIX: &str = "fpk_";
/// Separate what is stored from what is shown: the id in a listing says nothing about the hash.
const HASH_LABEL: &[u8] = b"farthing publisher API key, hash, v1";
const ID_LABEL: &[u8] = b"farthing publisher API key, id, v1";

/// A publisher's API key: 256 random bits, shown once as `fpk_` and 43 characters of base64url.
///
/// Only its [`ApiKeyHash`] is stored. A fast hash serves, since nobody can guess 256 bits.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct ApiKey([u8; 32]);

impl ApiKey {
    /// A new one.
    ///
    /// # Errors
    /// The system gave no randomness.
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut key = Self([0; 32]);
        getrandom::fill(&mut key.0)?;
        Ok(key)
    }

    /// Reads a key as a publisher shows it; `None` when it has not the form of one.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = Zeroizing::new(Base64Url::<Vec<u8>>::decode(text.strip_prefix(PREFIX)?)?);
        bytes.as_slice().try_into().ok().map(Self)
    }

    /// The key as it is shown to the publisher, once.
    pub fn reveal(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(PREFIX.len() + 43));
        text.push_str(PREFIX);
        BASE64URL_NOPAD.encode_append(&self.0, &mut text);
        text
    }

    /// What is stored to recognize it.
    pub fn hash(&self) -> ApiKeyHash {
        ApiKeyHash(self.digest(HASH_LABEL))
    }

    /// What it is called in listings.
    pub fn id(&self) -> ApiKeyId {
        let [a, b, c, d, e, f, g, h, ..] = self.digest(ID_LABEL);
        ApiKeyId([a, b, c, d, e, f, g, h])
    }

    fn digest(&self, label: &[u8]) -> [u8; 32] {
        Sha256::new().chain_update(label).chain_update(self.0).finalize().into()
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(..)")
    }
}

/// SHA-256 of an API key: all that is kept of it. Compared in constant time.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(from = "Base64Url<[u8; 32]>", into = "Base64Url<[u8; 32]>")]
pub struct ApiKeyHash([u8; 32]);

impl ApiKeyHash {
    /// The bytes, by which a store finds the publisher.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl PartialEq for ApiKeyHash {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for ApiKeyHash {}

impl From<Base64Url<[u8; 32]>> for ApiKeyHash {
    fn from(bytes: Base64Url<[u8; 32]>) -> Self {
        Self(bytes.0)
    }
}

impl From<ApiKeyHash> for Base64Url<[u8; 32]> {
    fn from(hash: ApiKeyHash) -> Self {
        Self(hash.0)
    }
}

impl fmt::Debug for ApiKeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKeyHash(..)")
    }
}

/// What an API key is called: 8 bytes of a hash that is used for nothing else, as 16 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ApiKeyId([u8; 8]);

impl fmt::Display for ApiKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for ApiKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKeyId({self})")
    }
}

/// Text that is no API key's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not an API key's id, which is 16 hexadecimal digits; `publishers list` shows them")]
pub struct InvalidApiKeyId;

impl FromStr for ApiKeyId {
    type Err = InvalidApiKeyId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // The text is not repeated: somebody may have pasted the key itself.
        let bytes = HEXLOWER.decode(text.as_bytes()).map_err(|_| InvalidApiKeyId)?;
        bytes.try_into().map(Self).map_err(|_| InvalidApiKeyId)
    }
}

impl Serialize for ApiKeyId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ApiKeyId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        std::borrow::Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_back_as_it_was_shown() {
        let key = ApiKey::random().unwrap();
        let text = key.reveal();
        assert_eq!(text.len(), 47);
        let read = ApiKey::parse(&text).unwrap();
        assert_eq!((read.hash(), read.id()), (key.hash(), key.id()));
        assert_eq!(ApiKey::parse(&format!("{}=", text.as_str())).unwrap().hash(), key.hash());
        let other = ApiKey::random().unwrap();
        assert_ne!(other.hash(), key.hash());
        assert_ne!(other.id(), key.id());
    }

    #[test]
    fn other_texts_are_no_keys() {
        let text = ApiKey([7; 32]).reveal();
        for wrong in
            ["", "fpk_", &text[4..], &text[..46], &format!("{}A", text.as_str()), &text.to_uppercase()]
        {
            assert!(ApiKey::parse(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn debug_shows_nothing_of_the_key() {
        let key = ApiKey([7; 32]);
        assert_eq!(format!("{key:?} {:?}", key.hash()), "ApiKey(..) ApiKeyHash(..)");
    }

    #[test]
    fn the_listed_id_is_no_part_of_the_stored_hash() {
        let key = ApiKey([7; 32]);
        let id = key.id();
        assert!(!key.hash().as_bytes().windows(8).any(|window| window == id.0));
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!("fpk_AAAA".parse::<ApiKeyId>(), Err(InvalidApiKeyId));
    }
}
