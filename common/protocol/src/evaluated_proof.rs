use crate::identifier::opaque_bytes;

opaque_bytes! {
    /// `evaluated_proof[64]`: the two scalars c and s by which the issuer proves that it used the listed key
    /// (RFC 9578, section 5.2; RFC 9497, section 2.2). They are checked by the verification.
    EvaluatedProof[64]
}

impl EvaluatedProof {
    /// Wraps c and s, 32 little-endian bytes each.
    pub const fn from_bytes(bytes: [u8; 64]) -> Self {
        Self(bytes)
    }
}
