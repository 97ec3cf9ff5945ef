use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// The gate's key: it signs passes and makes Idempotency-Keys. Gates that stand before the same site share it.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct GateSecret([u8; 32]);

impl GateSecret {
    /// The secret of these bytes.
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(*bytes)
    }

    /// A MAC for one purpose, named by `label`.
    pub(crate) fn mac(&self, label: &[u8]) -> FieldMac {
        // HMAC fills a key that is shorter than its block with zeros; doing so here leaves no error to handle.
        let mut block = Zeroizing::new([0; 64]);
        block.iter_mut().zip(&self.0).for_each(|(to, from)| *to = *from);
        FieldMac(<Hmac<Sha256> as KeyInit>::new((&*block).into())).field(label)
    }
}

impl fmt::Debug for GateSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GateSecret(..)")
    }
}

/// HMAC-SHA-256 over fields, each with its length before it, so that no two lists of fields are the same bytes.
pub(crate) struct FieldMac(Hmac<Sha256>);

impl FieldMac {
    pub(crate) fn field(mut self, bytes: &[u8]) -> Self {
        self.0.update(&u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
        self.0.update(bytes);
        self
    }

    pub(crate) fn finish(self) -> [u8; 32] {
        self.0.finalize().into_bytes().into()
    }

    /// Compares in constant time.
    pub(crate) fn is(self, tag: &[u8]) -> bool {
        self.0.verify_slice(tag).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_do_not_run_into_each_other() {
        let secret = GateSecret::from_bytes(&[7; 32]);
        let tag = |fields: &[&str]| {
            fields.iter().fold(secret.mac(b"test"), |mac, field| mac.field(field.as_bytes())).finish()
        };
        assert_ne!(tag(&["ab", "c"]), tag(&["a", "bc"]));
        assert_ne!(tag(&["ab"]), tag(&["ab", ""]));
        assert!(secret.mac(b"test").field(b"ab").is(&tag(&["ab"])));
        assert!(!secret.mac(b"other").field(b"ab").is(&tag(&["ab"])));
        assert!(!secret.mac(b"test").field(b"ab").is(&tag(&["ab"])[..31]));
    }

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", GateSecret::from_bytes(&[7; 32])), "GateSecret(..)");
    }
}
