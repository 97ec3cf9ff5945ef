//! The variable-length integer of QUIC (RFC 9000, section 16), which counts the bytes of the batch messages.
//!
//! The two highest bits of the first byte tell the length (1, 2, 4 or 8 bytes), the rest is the value,
//! big-endian. RFC 9000 allows any length that is long enough; the batched-tokens draft only the shortest.

/// Bytes of the encoding that begins with `first`: 1, 2, 4 or 8.
pub(crate) const fn encoded_length(first: u8) -> usize {
    1 << (first >> 6)
}

/// The value of one whole encoding; `None` when it is not the shortest one.
pub(crate) fn decode(encoded: &[u8]) -> Option<u64> {
    let (first, rest) = encoded.split_first()?;
    let value = rest.iter().fold(u64::from(first & 0x3f), |value, byte| value << 8 | u64::from(*byte));
    (shortest_length(value)? == encoded.len()).then_some(value)
}

/// Appends the shortest encoding of the byte length of a batch.
///
/// Two mebibytes (65,535 elements of 32 bytes) are the most that a batch holds, so 32 bits are ample.
pub(crate) fn encode(value: u32, out: &mut Vec<u8>) {
    let [a, b, c, d] = value.to_be_bytes();
    match value {
        0..=0x3f => out.push(d),
        0x40..=0x3fff => out.extend_from_slice(&[c | 0x40, d]),
        0x4000..=0x3fff_ffff => out.extend_from_slice(&[a | 0x80, b, c, d]),
        0x4000_0000.. => out.extend_from_slice(&[0xc0, 0, 0, 0, a, b, c, d]),
    }
}

const fn shortest_length(value: u64) -> Option<usize> {
    match value {
        0..=0x3f => Some(1),
        0x40..=0x3fff => Some(2),
        0x4000..=0x3fff_ffff => Some(4),
        0x4000_0000..=0x3fff_ffff_ffff_ffff => Some(8),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encoded(value: u32) -> Vec<u8> {
        let mut out = Vec::new();
        encode(value, &mut out);
        out
    }

    #[test]
    fn the_examples_of_rfc_9000_appendix_a_1() {
        assert_eq!(decode(&[0xc2, 0x19, 0x7c, 0x5e, 0xff, 0x14, 0xe8, 0x8c]), Some(151_288_809_941_952_652));
        assert_eq!(decode(&[0x9d, 0x7f, 0x3e, 0x7d]), Some(494_878_333));
        assert_eq!(decode(&[0x7b, 0xbd]), Some(15_293));
        assert_eq!(decode(&[0x25]), Some(37));
        assert_eq!(decode(&[0x40, 0x25]), None, "37 in two bytes is legal in QUIC and not here");
    }

    #[test]
    fn batches_of_the_sizes_where_the_length_changes() {
        assert_eq!(encoded(32), [0x20]);
        assert_eq!(encoded(64), [0x40, 0x40]);
        assert_eq!(encoded(511 * 32), [0x7f, 0xe0]);
        assert_eq!(encoded(512 * 32), [0x80, 0x00, 0x40, 0x00]);
    }

    #[test]
    fn longer_forms_of_a_value_are_refused() {
        for longer in [
            &[0x40, 0x3f][..],
            &[0x80, 0, 0x3f, 0xff],
            &[0x80, 0, 0, 0],
            &[0xc0, 0, 0, 0, 0x3f, 0xff, 0xff, 0xff],
        ] {
            assert_eq!(decode(longer), None, "{longer:02x?}");
        }
        assert_eq!(decode(&[]), None);
    }

    proptest! {
        #[test]
        fn round_trip(value: u32) {
            let encoded = encoded(value);
            prop_assert_eq!(encoded_length(encoded[0]), encoded.len());
            prop_assert_eq!(decode(&encoded), Some(u64::from(value)));
        }

        #[test]
        fn a_value_has_one_encoding(bytes in proptest::collection::vec(any::<u8>(), 1..9)) {
            if let Some(value) = decode(&bytes).and_then(|value| u32::try_from(value).ok())
                && encoded_length(bytes[0]) == bytes.len()
            {
                prop_assert_eq!(encoded(value), bytes);
            }
        }
    }
}
