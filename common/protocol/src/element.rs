use crate::decode_error::{DecodeError, DecodeReason};
use crate::reader::Reader;
use crate::{MAX_BATCH, varint};

/// Bytes of an encoded element (Ne).
pub(crate) const LENGTH: usize = 32;

/// Declares a newtype of an encoded ristretto255 element that is canonical and not the identity.
macro_rules! element_message {
    ($(#[$doc:meta])* $name:ident) => {
        $crate::identifier::opaque_bytes! {
            $(#[$doc])*
            $name[32]
        }

        impl $name {
            /// Takes an encoded element, 32 bytes.
            ///
            /// Whether the bytes encode a point at all costs a square root and is found out once, by the
            /// evaluation; here they only have to be in the one form that a point may have.
            ///
            /// # Errors
            /// [`DecodeError`](crate::DecodeError) when the encoding is the identity, is not reduced modulo p, or is negative.
            pub fn from_bytes(bytes: [u8; 32]) -> Result<Self, $crate::DecodeError> {
                Self::parse(&bytes).map_err(|reason| $crate::DecodeError::new(stringify!($name), reason))
            }

            /// Takes an encoded element of which the caller knows the field.
            pub(crate) fn parse(bytes: &[u8; 32]) -> Result<Self, $crate::DecodeReason> {
                $crate::element::check(bytes)?;
                Ok(Self(*bytes))
            }
        }
    };
}

pub(crate) use element_message;

/// Refuses the identity and encodings that no element has (RFC 9496, section 4.3.1, steps 1 and 2: a field element
/// that is not below p = 2^255 - 19, or is negative, that is odd).
pub(crate) fn check(bytes: &[u8; LENGTH]) -> Result<(), DecodeReason> {
    let [low, middle @ .., high] = bytes;
    let reduced = *high < 0x7f || (*high == 0x7f && (*low < 0xed || middle.iter().any(|byte| *byte != 0xff)));
    if !reduced || low & 1 == 1 {
        return Err(DecodeReason::NonCanonicalElement);
    }
    if bytes.iter().all(|byte| *byte == 0) {
        return Err(DecodeReason::IdentityElement);
    }
    Ok(())
}

/// Reads `opaque list<V>` of elements: a QUIC varint of the length in bytes, then the elements.
pub(crate) fn read_list<T>(
    reader: &mut Reader<'_>,
    field: &'static str,
    parse: impl Fn(&[u8; LENGTH]) -> Result<T, DecodeReason>,
) -> Result<Vec<T>, DecodeError> {
    let length = reader.varint(field)?;
    if !length.is_multiple_of(LENGTH as u64) {
        return Err(DecodeError::new(field, DecodeReason::PartialElement { length }));
    }
    check_count(length / LENGTH as u64, field)?;
    let (elements, _) = reader.bytes(length, field)?.as_chunks::<LENGTH>();
    parse_list(elements, field, parse)
}

/// Makes elements of their encodings; an error names the element by its index.
pub(crate) fn parse_list<T>(
    elements: &[[u8; LENGTH]],
    field: &'static str,
    parse: impl Fn(&[u8; LENGTH]) -> Result<T, DecodeReason>,
) -> Result<Vec<T>, DecodeError> {
    let parsed = elements.iter().enumerate().map(|(index, bytes)| {
        parse(bytes).map_err(|reason| DecodeError::new(format!("{field}[{index}]"), reason))
    });
    parsed.collect()
}

/// Appends `opaque list<V>` of at most 65,535 elements.
pub(crate) fn write_list<T: AsRef<[u8]>>(elements: &[T], out: &mut Vec<u8>) {
    let length = elements.len().saturating_mul(LENGTH);
    varint::encode(u32::try_from(length).unwrap_or(u32::MAX), out);
    for element in elements {
        out.extend_from_slice(element.as_ref());
    }
}

/// Refuses an empty batch and one that no proof can cover.
pub(crate) fn check_count(count: u64, field: &'static str) -> Result<(), DecodeError> {
    if count == 0 {
        return Err(DecodeError::new(field, DecodeReason::Empty));
    }
    if count > MAX_BATCH as u64 {
        return Err(DecodeError::new(field, DecodeReason::TooMany { count, limit: MAX_BATCH }));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn element(low: u8, middle: u8, high: u8) -> [u8; 32] {
        let mut bytes = [middle; 32];
        bytes[0] = low;
        bytes[31] = high;
        bytes
    }

    #[test]
    fn the_border_of_the_field_is_drawn_exactly() {
        let non_canonical = Err(DecodeReason::NonCanonicalElement);
        assert_eq!(check(&element(0xec, 0xff, 0x7f)), Ok(()), "p - 1");
        assert_eq!(check(&element(0xed, 0xff, 0x7f)), non_canonical, "p");
        assert_eq!(check(&element(0xee, 0xff, 0x7f)), non_canonical, "p + 1");
        assert_eq!(check(&element(0xee, 0xfe, 0x7f)), Ok(()), "less in the middle");
        assert_eq!(check(&element(2, 0, 0x80)), non_canonical, "the highest bit");
        assert_eq!(check(&element(1, 0, 0)), non_canonical, "negative");
        assert_eq!(check(&element(2, 0, 0)), Ok(()));
        assert_eq!(check(&[0; 32]), Err(DecodeReason::IdentityElement));
    }
}
