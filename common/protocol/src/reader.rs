use crate::decode_error::{DecodeError, DecodeReason};
use crate::{TokenType, varint};

/// Takes fields off the front of a message; every error names the field that was being read.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    /// Bytes not taken yet.
    pub(crate) fn left(&self) -> usize {
        self.rest.len()
    }

    pub(crate) fn bytes(&mut self, length: u64, field: &'static str) -> Result<&'a [u8], DecodeError> {
        let split = usize::try_from(length).ok().and_then(|length| self.rest.split_at_checked(length));
        let (taken, rest) = split.ok_or_else(|| self.truncated(length, field))?;
        self.rest = rest;
        Ok(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], DecodeError> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or_else(|| self.truncated(N as u64, field))?;
        self.rest = rest;
        Ok(*taken)
    }

    pub(crate) fn u8(&mut self, field: &'static str) -> Result<u8, DecodeError> {
        self.array(field).map(u8::from_be_bytes)
    }

    pub(crate) fn u16(&mut self, field: &'static str) -> Result<u16, DecodeError> {
        self.array(field).map(u16::from_be_bytes)
    }

    /// An encoded element.
    pub(crate) fn element<T>(
        &mut self,
        field: &'static str,
        parse: impl Fn(&[u8; 32]) -> Result<T, DecodeReason>,
    ) -> Result<T, DecodeError> {
        parse(&self.array(field)?).map_err(|reason| DecodeError::new(field, reason))
    }

    /// `uint16 token_type`, the first field of every message: only 0x0005 is taken.
    pub(crate) fn token_type(&mut self) -> Result<TokenType, DecodeError> {
        let found = self.u16("token_type")?;
        TokenType::from_u16(found)
            .ok_or_else(|| DecodeError::new("token_type", DecodeReason::TokenType { found }))
    }

    /// A QUIC variable-length integer in its shortest form.
    pub(crate) fn varint(&mut self, field: &'static str) -> Result<u64, DecodeError> {
        let first = *self.rest.first().ok_or_else(|| self.truncated(1, field))?;
        let encoded = self.bytes(varint::encoded_length(first) as u64, field)?;
        varint::decode(encoded).ok_or_else(|| DecodeError::new(field, DecodeReason::NonMinimalLength))
    }

    /// Ends the message.
    pub(crate) fn finish(self, message: &'static str) -> Result<(), DecodeError> {
        match self.rest.len() {
            0 => Ok(()),
            count => Err(DecodeError::new(message, DecodeReason::TrailingBytes { count })),
        }
    }

    fn truncated(&self, needed: u64, field: &'static str) -> DecodeError {
        DecodeError::new(field, DecodeReason::Truncated { needed, left: self.rest.len() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_come_off_in_order_and_nothing_may_be_left() {
        let mut reader = Reader::new(&[0, 5, 7, 1, 2, 3]);
        assert_eq!(reader.token_type(), Ok(TokenType::VoprfRistretto255));
        assert_eq!(reader.u8("truncated_token_key_id"), Ok(7));
        assert_eq!(reader.array("nonce"), Ok([1, 2]));
        assert_eq!(reader.left(), 1);
        assert_eq!(
            reader.finish("token"),
            Err(DecodeError::new("token", DecodeReason::TrailingBytes { count: 1 }))
        );
    }

    #[test]
    fn an_input_that_ends_early_is_refused_whatever_it_claims() {
        let mut reader = Reader::new(&[1]);
        let truncated = |needed| DecodeError::new("field", DecodeReason::Truncated { needed, left: 1 });
        assert_eq!(reader.u16("field"), Err(truncated(2)));
        assert_eq!(reader.bytes(u64::MAX, "field"), Err(truncated(u64::MAX)));
        assert_eq!(Reader::new(&[0x40]).varint("field"), Err(truncated(2)));
        assert!(Reader::new(&[]).varint("field").is_err());
    }
}
