use std::fmt;

use farthing_api::Base64Url;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// SHA-256 of the 32-byte secret by which a wallet owns its order. Never shown.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Base64Url<[u8; 32]>", from = "Base64Url<[u8; 32]>")]
pub struct Claim([u8; 32]);

impl Claim {
    /// The claim that a wallet made an order with.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The claim of the secret that a request carries as base64url; `None` when that is not 32 bytes.
    pub fn of_secret(text: &str) -> Option<Self> {
        let secret = Zeroizing::new(Base64Url::<Vec<u8>>::decode(text)?);
        (secret.len() == 32).then(|| Self(Sha256::digest(&*secret).into()))
    }

    /// The bytes, to find the order by.
    pub const fn to_bytes(self) -> [u8; 32] {
        self.0
    }
}

impl From<Claim> for Base64Url<[u8; 32]> {
    fn from(claim: Claim) -> Self {
        Self(claim.0)
    }
}

impl From<Base64Url<[u8; 32]>> for Claim {
    fn from(bytes: Base64Url<[u8; 32]>) -> Self {
        Self(bytes.0)
    }
}

impl fmt::Debug for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Claim(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_read_with_or_without_padding_and_never_shown() {
        let secret = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        let claim = Claim::of_secret(secret).unwrap();
        assert_eq!(Claim::of_secret(&format!("{secret}=")), Some(claim));
        assert_eq!(claim.to_bytes()[..], Sha256::digest([0; 32])[..]);
        assert_eq!(Claim::of_secret("AAAA"), None);
        assert_eq!(format!("{claim:?}"), "Claim(..)");
    }
}
