use std::fmt;

use farthing_protocol::Authenticator;

/// What is remembered of a spent token: the first 16 bytes of its authenticator, kept in the set of its key.
///
/// An authenticator is pseudorandom to everybody without the key, so nobody can aim at another's mark, and it names
/// neither the purchase nor the publisher. Among 2^40 tokens of a key, two share a mark with probability 2^-49.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SpentMark([u8; SpentMark::LENGTH]);

impl SpentMark {
    /// Length in bytes.
    pub const LENGTH: usize = 16;

    /// The mark of a token with this authenticator.
    pub fn of(authenticator: &Authenticator) -> Self {
        let (mark, _) = authenticator.as_bytes().split_first_chunk().unwrap_or((&[0; Self::LENGTH], &[]));
        Self(*mark)
    }

    /// A mark as a store has it.
    pub const fn from_bytes(bytes: [u8; Self::LENGTH]) -> Self {
        Self(bytes)
    }

    /// In which of so many groups of keys it is kept, where a store is divided: told by the last two bytes.
    pub fn group(&self, groups: usize) -> usize {
        let (_, last) = self.0.split_last_chunk::<2>().unwrap_or((&[], &[0; 2]));
        usize::from(u16::from_be_bytes(*last)) % groups.max(1)
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; Self::LENGTH] {
        &self.0
    }
}

impl fmt::Debug for SpentMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SpentMark(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_beginning_of_the_authenticator_and_hidden() {
        let bytes = std::array::from_fn(|index| u8::try_from(index).unwrap());
        let mark = SpentMark::of(&Authenticator::from_bytes(bytes));
        assert_eq!(mark.as_bytes()[..], bytes[..16]);
        assert_eq!(format!("{mark:?}"), "SpentMark(..)");
    }
}
