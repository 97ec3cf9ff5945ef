use std::fmt;
use std::str::FromStr;

use farthing_api::Base64Url;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A publisher's id: 128 random bits, 22 characters of base64url. Random, so that it tells neither when nor as which
/// a publisher came.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PublisherId(#[serde(with = "text")] [u8; PublisherId::LENGTH]);

impl PublisherId {
    /// Length in bytes.
    pub const LENGTH: usize = 16;

    /// A new one.
    ///
    /// # Errors
    /// The system gave no randomness.
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; Self::LENGTH];
        getrandom::fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// The one of these bytes, as a store keeps them.
    pub const fn from_bytes(bytes: [u8; Self::LENGTH]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; Self::LENGTH] {
        &self.0
    }
}

impl fmt::Display for PublisherId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&Base64Url(self.0), f)
    }
}

impl fmt::Debug for PublisherId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublisherId({self})")
    }
}

/// Text that is no publisher's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not a publisher's id, which is base64url of 16 bytes; `publishers list` shows them")]
pub struct InvalidPublisherId;

impl FromStr for PublisherId {
    type Err = InvalidPublisherId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes = Base64Url::<Vec<u8>>::decode(text).ok_or(InvalidPublisherId)?;
        bytes.try_into().map(Self).map_err(|_| InvalidPublisherId)
    }
}

mod text {
    use std::borrow::Cow;

    use serde::{Deserialize, Deserializer, Serializer, de};

    use super::PublisherId;

    pub(super) fn serialize<S: Serializer>(bytes: &[u8; 16], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&PublisherId(*bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[u8; 16], D::Error> {
        let id: PublisherId =
            Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(de::Error::custom)?;
        Ok(id.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_id_are_each_other() {
        let id = PublisherId::from_bytes([0xff; 16]);
        assert_eq!(id.to_string(), "_____________________w");
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!("_____________________w==".parse(), Ok(id));
        let json = serde_json::to_string(&id).unwrap();
        assert_eq!(json, "\"_____________________w\"");
        assert_eq!(serde_json::from_str::<PublisherId>(&json).unwrap(), id);
        for wrong in ["", "AAAA", "_____________________x", "AAAAAAAAAAAAAAAAAAAAAAAA", "not an id"] {
            assert_eq!(wrong.parse::<PublisherId>(), Err(InvalidPublisherId), "{wrong}");
        }
    }

    #[test]
    fn ids_are_random() {
        assert_ne!(PublisherId::random().unwrap(), PublisherId::random().unwrap());
    }
}
