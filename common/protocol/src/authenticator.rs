use std::fmt;

use subtle::{Choice, ConstantTimeEq};
use zeroize::ZeroizeOnDrop;

/// `authenticator[64]` of a token: the VOPRF's output for the token's input (RFC 9578, section 5.3).
///
/// Whoever shows it spends the token, so it has no Clone, is hidden from Debug, wiped when dropped, and compared
/// in constant time: a comparison that stopped at the first wrong byte would tell a forger how far he got.
#[derive(ZeroizeOnDrop)]
pub struct Authenticator([u8; 64]);

impl Authenticator {
    /// Length in bytes (Nk).
    pub const LENGTH: usize = 64;

    /// Wraps an output of the VOPRF.
    pub const fn from_bytes(bytes: [u8; 64]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; 64] {
        &self.0
    }
}

impl ConstantTimeEq for Authenticator {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.0.ct_eq(&other.0)
    }
}

impl PartialEq for Authenticator {
    fn eq(&self, other: &Self) -> bool {
        self.ct_eq(other).into()
    }
}

impl Eq for Authenticator {}

impl fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authenticator(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_hides_it() {
        assert_eq!(format!("{:?}", Authenticator::from_bytes([0xab; 64])), "Authenticator(..)");
    }

    #[test]
    fn every_byte_counts() {
        let one = Authenticator::from_bytes([7; 64]);
        assert_eq!(one, Authenticator::from_bytes([7; 64]));
        for position in 0..64 {
            let mut other = [7; 64];
            other[position] = 8;
            assert_ne!(one, Authenticator::from_bytes(other));
        }
    }
}
