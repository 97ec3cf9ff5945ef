use std::fmt;
use std::str::FromStr;

use farthing_api::Base64Url;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;

/// The id of an entry of the operator's: 16 bytes, random unless the operator chose them, by which the command
/// that makes one can be repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct EntryId([u8; EntryId::LENGTH]);

/// What tells the id of a reversal from every other digest of ours.
const REVERSAL_LABEL: &[u8] = b"farthing payout reversal";

impl EntryId {
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

    /// The id of the payout that reverses the one with this id. It follows from this one, so a payout has one reversal,
    /// however often the command is repeated.
    #[must_use]
    pub fn of_reversal(&self) -> Self {
        let digest: [u8; 32] =
            Sha256::new().chain_update(REVERSAL_LABEL).chain_update(self.0).finalize().into();
        let (id, _) = digest.split_first_chunk().unwrap_or((&[0; Self::LENGTH], &[]));
        Self(*id)
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; Self::LENGTH] {
        &self.0
    }
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&Base64Url(self.0), f)
    }
}

impl From<EntryId> for String {
    fn from(id: EntryId) -> Self {
        id.to_string()
    }
}

/// Text that is no entry's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not an entry's id, which is base64url of 16 bytes; `ledger list` and `payouts list` show them")]
pub struct InvalidEntryId;

impl FromStr for EntryId {
    type Err = InvalidEntryId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes = Base64Url::<Vec<u8>>::decode(text).ok_or(InvalidEntryId)?;
        bytes.try_into().map(Self).map_err(|_| InvalidEntryId)
    }
}

impl TryFrom<String> for EntryId {
    type Error = InvalidEntryId;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_its_text_and_random() {
        let id = EntryId::random().unwrap();
        assert_ne!(id, EntryId::random().unwrap());
        let json = serde_json::to_string(&id).unwrap();
        assert_eq!(json, format!("\"{id}\""));
        assert_eq!(serde_json::from_str::<EntryId>(&json).unwrap(), id);
        assert_eq!(id.of_reversal(), id.of_reversal());
        assert!(id.of_reversal() != id && id.of_reversal().of_reversal() != id);
        for wrong in ["", "AAAA", "not an id"] {
            assert_eq!(wrong.parse::<EntryId>(), Err(InvalidEntryId));
        }
    }
}
