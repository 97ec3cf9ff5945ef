use std::fmt;

use curve25519_dalek::RistrettoPoint;

use crate::ELEMENT_LENGTH;
use crate::element::{InvalidElement, decode};

/// A public key: k·B, other than the identity, with its encoding of 32 bytes.
#[derive(Clone)]
pub struct PublicKey {
    point: RistrettoPoint,
    bytes: [u8; ELEMENT_LENGTH],
}

impl PublicKey {
    /// Reads an encoded public key.
    ///
    /// # Errors
    /// The bytes are not a canonical encoding, or are the identity's.
    pub fn from_bytes(bytes: &[u8; ELEMENT_LENGTH]) -> Result<Self, InvalidElement> {
        Ok(Self { point: decode(bytes)?, bytes: *bytes })
    }

    pub(crate) fn from_point(point: RistrettoPoint) -> Self {
        Self { point, bytes: point.compress().to_bytes() }
    }

    /// The encoding, as the issuer directory shows it and the token key id hashes it.
    pub const fn to_bytes(&self) -> [u8; ELEMENT_LENGTH] {
        self.bytes
    }

    pub(crate) const fn point(&self) -> &RistrettoPoint {
        &self.point
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for PublicKey {}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PublicKey(")?;
        self.bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str(")")
    }
}
