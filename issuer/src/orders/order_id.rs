use std::fmt;
use std::str::FromStr;

use farthing_api::Base64Url;
use serde::{Deserialize, Serialize};

/// 128 random bits; whoever knows them may pay the order. Shown in answers to its owner and never logged.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "Base64Url<[u8; 16]>", from = "Base64Url<[u8; 16]>")]
pub struct OrderId([u8; 16]);

impl OrderId {
    /// A new id.
    ///
    /// # Errors
    /// The system gave no randomness.
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// The id that a store kept.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes, to find the order by.
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0
    }
}

/// Text that is not base64url of 16 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an order id is 16 bytes as base64url")]
pub struct InvalidOrderId;

impl FromStr for OrderId {
    type Err = InvalidOrderId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes = Base64Url::<Vec<u8>>::decode(text).ok_or(InvalidOrderId)?;
        bytes.try_into().map(Self).map_err(|_| InvalidOrderId)
    }
}

impl From<OrderId> for Base64Url<[u8; 16]> {
    fn from(id: OrderId) -> Self {
        Self(id.0)
    }
}

impl From<Base64Url<[u8; 16]>> for OrderId {
    fn from(bytes: Base64Url<[u8; 16]>) -> Self {
        Self(bytes.0)
    }
}

impl fmt::Display for OrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Base64Url(self.0).fmt(f)
    }
}

impl fmt::Debug for OrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OrderId(..)")
    }
}
