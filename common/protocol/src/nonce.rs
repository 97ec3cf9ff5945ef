use crate::identifier::opaque_bytes;

opaque_bytes! {
    /// `nonce[32]` of a token: chosen by the client, fresh for each token (RFC 9577, section 2.2.1).
    ///
    /// Debug hides it: a nonce in a log would let the issuer's and the origin's records be joined.
    Nonce[32]
}

impl Nonce {
    /// Wraps 32 bytes that the client drew or derived.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_hides_it() {
        assert_eq!(format!("{:?}", Nonce::from_bytes([0xab; 32])), "Nonce(..)");
    }
}
