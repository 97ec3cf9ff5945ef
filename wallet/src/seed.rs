use std::fmt;

use farthing_api::Base64Url;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// The 32 random bytes from which every claim secret, nonce and blind of a wallet derives.
///
/// Whoever has them can recover every token that was bought with them, as long as the issuer repeats its answers.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Seed([u8; Self::LENGTH]);

impl Seed {
    /// Length in bytes: what 24 words of a recovery phrase hold.
    pub const LENGTH: usize = 32;

    /// The seed of these bytes, which must be uniformly random and kept secret.
    pub const fn from_bytes(bytes: [u8; Self::LENGTH]) -> Self {
        Self(bytes)
    }

    /// The bytes, for derivation and for the encrypted file alone.
    pub(crate) const fn as_bytes(&self) -> &[u8; Self::LENGTH] {
        &self.0
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed(<redacted>)")
    }
}

impl Serialize for Seed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&Zeroizing::new(Base64Url(self.0).encode()))
    }
}

impl<'de> Deserialize<'de> for Seed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = Zeroizing::new(Base64Url::<[u8; Self::LENGTH]>::deserialize(deserializer)?.0);
        Ok(Self(*bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_shows_nothing() {
        assert_eq!(format!("{:?}", Seed::from_bytes([7; 32])), "Seed(<redacted>)");
    }
}
