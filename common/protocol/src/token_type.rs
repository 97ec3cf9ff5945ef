/// A kind of token of the Privacy Pass registry. Farthing issues and takes one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TokenType {
    /// 0x0005: VOPRF (ristretto255, SHA-512), privately verifiable, of draft-ietf-privacypass-batched-tokens.
    VoprfRistretto255,
}

impl TokenType {
    /// The `uint16 token_type` of the wire.
    pub const fn as_u16(self) -> u16 {
        match self {
            Self::VoprfRistretto255 => 0x0005,
        }
    }

    /// The type that a number names, if it is one of ours.
    pub const fn from_u16(number: u16) -> Option<Self> {
        match number {
            0x0005 => Some(Self::VoprfRistretto255),
            _ => None,
        }
    }

    /// The two bytes that every message begins with.
    pub(crate) const fn to_bytes(self) -> [u8; 2] {
        self.as_u16().to_be_bytes()
    }
}
