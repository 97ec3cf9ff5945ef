use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use data_encoding::{Encoding, Specification};
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Letters of Crockford's base32: no I, L, O, U. Read in either case, with I and L for 1 and O for 0.
static BASE32: LazyLock<Option<Encoding>> = LazyLock::new(|| {
    let mut specification = Specification::new();
    specification.symbols.push_str("0123456789ABCDEFGHJKMNPQRSTVWXYZ");
    specification.translate.from.push_str("abcdefghjkmnpqrstvwxyzOoIiLl");
    specification.translate.to.push_str("ABCDEFGHJKMNPQRSTVWXYZ001111");
    specification.ignore.push_str("- ");
    specification.check_trailing_bits = true;
    specification.encoding().ok()
});

/// Characters between dashes.
const GROUP: usize = 5;

/// A prepaid code: 128 random bits, shown once, as `7K3QX-...` in 26 letters and digits. It is money.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct VoucherCode([u8; 16]);

/// What a store keeps of a code: SHA-256 of its 16 bytes, which nobody can guess back from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VoucherHash([u8; 32]);

impl VoucherCode {
    /// A new code.
    ///
    /// # Errors
    /// The system gave no randomness.
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// What the store keeps.
    pub fn hash(&self) -> VoucherHash {
        VoucherHash(Sha256::digest(self.0).into())
    }

    /// The text for its buyer, in groups of five; wiped when dropped.
    pub fn reveal(&self) -> Zeroizing<String> {
        let plain = Zeroizing::new(BASE32.as_ref().map(|base32| base32.encode(&self.0)).unwrap_or_default());
        let mut text = Zeroizing::new(String::with_capacity(plain.len() + plain.len() / GROUP));
        for (place, letter) in plain.chars().enumerate() {
            if place > 0 && place % GROUP == 0 {
                text.push('-');
            }
            text.push(letter);
        }
        text
    }
}

impl VoucherHash {
    /// The bytes, to find the voucher by.
    pub const fn to_bytes(self) -> [u8; 32] {
        self.0
    }
}

/// Text that no code can look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a code has 26 letters and digits; case, spaces and dashes do not matter")]
pub struct InvalidVoucherCode;

impl FromStr for VoucherCode {
    type Err = InvalidVoucherCode;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let base32 = BASE32.as_ref().ok_or(InvalidVoucherCode)?;
        let bytes = Zeroizing::new(base32.decode(text.trim().as_bytes()).map_err(|_| InvalidVoucherCode)?);
        bytes.as_slice().try_into().map(Self).map_err(|_| InvalidVoucherCode)
    }
}

impl fmt::Debug for VoucherCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VoucherCode(..)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_code_is_read_as_people_type_it() {
        let code = VoucherCode([0xff; 16]);
        assert_eq!(*code.reveal(), "ZZZZZ-ZZZZZ-ZZZZZ-ZZZZZ-ZZZZZ-W");
        let zero = VoucherCode([0; 16]);
        assert_eq!(*zero.reveal(), "00000-00000-00000-00000-00000-0");
        let typed: VoucherCode = " ooooo ooOoo-00000 0000000000 0 ".parse().unwrap();
        assert_eq!(typed.0, zero.0);
        let one: VoucherCode = "iIlL1-11111-11111-11111-11111-0".parse().unwrap();
        assert_eq!(*one.reveal(), "11111-11111-11111-11111-11111-0");
    }

    #[test]
    fn what_is_no_code_is_refused_and_debug_shows_nothing() {
        for text in [
            "",
            "0",
            "00000-00000-00000-00000-00000",
            "0000000000000000000000000U",
            "00000000000000000000000001",
        ] {
            assert!(text.parse::<VoucherCode>().is_err(), "{text}");
        }
        assert_eq!(format!("{:?}", VoucherCode([1; 16])), "VoucherCode(..)");
    }

    proptest! {
        #[test]
        fn codes_are_read_back(bytes: [u8; 16], lower: bool) {
            let shown = VoucherCode(bytes).reveal();
            let typed = if lower { shown.to_lowercase() } else { shown.replace('-', "") };
            prop_assert_eq!(typed.parse::<VoucherCode>().unwrap().0, bytes);
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,40}") {
            if let Ok(code) = text.parse::<VoucherCode>() {
                prop_assert_eq!(code.reveal().parse::<VoucherCode>().unwrap().0, code.0);
            }
        }
    }
}
