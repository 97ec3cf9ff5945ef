use std::fmt;

use farthing_voprf::PublicKey;
use sha2::{Digest, Sha256};

use crate::identifier::public_digest;

public_digest! {
    /// `token_key_id[32]`: SHA-256 of the serialized public key (RFC 9578, section 5.5).
    TokenKeyId
}

impl TokenKeyId {
    /// The id of a public key.
    pub fn of(public_key: &PublicKey) -> Self {
        Self::of_bytes(&public_key.to_bytes())
    }

    /// The id of a serialized public key of any token type.
    pub(crate) fn of_bytes(public_key: &[u8]) -> Self {
        Self(Sha256::digest(public_key).into())
    }

    /// The last byte, by which requests name a key.
    pub const fn truncated(self) -> TruncatedTokenKeyId {
        let [.., last] = self.0;
        TruncatedTokenKeyId::new(last)
    }
}

/// `uint8 truncated_token_key_id`: the last byte of a token key id (RFC 9578, section 5.1).
///
/// An issuer has no two live keys with the same one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TruncatedTokenKeyId(u8);

impl TruncatedTokenKeyId {
    /// Wraps the byte of the wire.
    pub const fn new(byte: u8) -> Self {
        Self(byte)
    }

    /// The byte of the wire.
    pub const fn as_u8(self) -> u8 {
        self.0
    }
}

impl fmt::Display for TruncatedTokenKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_base64url_with_optional_padding() {
        let id = TokenKeyId::from_bytes([0xff; 32]);
        let text = "__________________________________________8";
        assert_eq!(id.to_string(), text);
        assert_eq!(text.parse(), Ok(id));
        assert_eq!(format!("{text}=").parse(), Ok(id));
        assert_eq!(format!("{id:?}"), format!("TokenKeyId({text})"));
        assert!("__8".parse::<TokenKeyId>().is_err());
        assert_eq!(id.truncated(), TruncatedTokenKeyId::new(0xff));
        assert_eq!(serde_json::to_string(&id).unwrap(), format!("\"{text}\""));
    }
}
