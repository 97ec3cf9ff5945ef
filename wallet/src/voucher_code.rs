use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Crockford's base32: no I, L, O, U.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// 128 bits in letters of five bits each; the last one holds three.
const LENGTH: usize = 26;
/// Bits of the last letter that are beyond the 128th.
const PADDING: usize = 0b11;
/// Characters between dashes, as codes are printed.
const GROUP: usize = 5;

/// A prepaid code, written as it is printed: `7K3QX-...`, 26 letters and digits in groups of five. Until it is spent it
/// is money to whoever has it.
#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(transparent)]
pub struct VoucherCode(String);

/// A text that cannot be a voucher's code. It repeats no more than one letter of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidVoucherCode {
    /// A character that no code has.
    #[error(
        "this is no voucher code: `{found}` is in none. A code has {LENGTH} letters and digits, without U"
    )]
    Character {
        /// The character.
        found: char,
    },
    /// Too few or too many letters and digits.
    #[error("this is no voucher code: a code has {LENGTH} letters and digits, and this text has {found}")]
    Length {
        /// How many it has.
        found: usize,
    },
    /// The last one says more than a code can hold.
    #[error("this is no voucher code: it cannot end in `{found}`, so a letter or digit of it was misread")]
    Last {
        /// The last letter or digit.
        found: char,
    },
}

impl VoucherCode {
    /// Reads a code as typed. Case, spaces and dashes do not matter; O is read as 0, I and L as 1.
    ///
    /// # Errors
    ///
    /// [`InvalidVoucherCode`] says what is wrong with it.
    pub fn new(text: &str) -> Result<Self, InvalidVoucherCode> {
        let mut letters = Zeroizing::new(Vec::with_capacity(LENGTH));
        let mut found = 0;
        let mut last = 0;
        for typed in text.chars().filter(|c| !c.is_whitespace() && !is_dash(*c)) {
            let letter = match typed.to_ascii_uppercase() {
                'O' => '0',
                'I' | 'L' => '1',
                letter => letter,
            };
            let value = ALPHABET.iter().position(|known| char::from(*known) == letter);
            last = value.ok_or(InvalidVoucherCode::Character { found: typed })?;
            found += 1;
            // More than fit are only counted: the buffer must not grow.
            if letters.len() < LENGTH {
                letters.push(ALPHABET[last]);
            }
        }
        if found != LENGTH {
            return Err(InvalidVoucherCode::Length { found });
        }
        if last & PADDING != 0 {
            return Err(InvalidVoucherCode::Last { found: char::from(ALPHABET[last]) });
        }
        let mut code = String::with_capacity(LENGTH + LENGTH / GROUP);
        for (place, letter) in letters.iter().enumerate() {
            if place > 0 && place % GROUP == 0 {
                code.push('-');
            }
            code.push(char::from(*letter));
        }
        Ok(Self(code))
    }

    /// The code as printed: for the issuer, and for its owner when it was not spent.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

/// Whether it is the keyboard's dash or one that a text program makes of it.
const fn is_dash(c: char) -> bool {
    matches!(c, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}')
}

impl PartialEq for VoucherCode {
    /// Whether both are the same code. Both are the owner's own, so how long this takes tells nobody anything.
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for VoucherCode {}

impl fmt::Debug for VoucherCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VoucherCode(<redacted>)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_as_people_type_it_and_kept_as_it_is_printed() {
        let code = VoucherCode::new(" olIi0-abcde fghjk\u{2013}mnpqr-stvwx-4 ").unwrap();
        assert_eq!(code.reveal(), "01110-ABCDE-FGHJK-MNPQR-STVWX-4");
        assert_eq!(code, VoucherCode::new("01110ABCDEFGHJKMNPQRSTVWX4").unwrap());
        assert_ne!(code, VoucherCode::new("01110ABCDEFGHJKMNPQRSTVWX8").unwrap());
        assert_eq!(format!("{code:?}"), "VoucherCode(<redacted>)");
    }

    #[test]
    fn what_cannot_be_a_code_is_refused_and_not_repeated() {
        for (text, error) in [
            ("", InvalidVoucherCode::Length { found: 0 }),
            (" -- ", InvalidVoucherCode::Length { found: 0 }),
            ("01110-ABCDE-FGHJK-MNPQR-STVWX", InvalidVoucherCode::Length { found: 25 }),
            ("01110-ABCDE-FGHJK-MNPQR-STVWX-40", InvalidVoucherCode::Length { found: 27 }),
            ("U1110-ABCDE-FGHJK-MNPQR-STVWX-4", InvalidVoucherCode::Character { found: 'U' }),
            ("é1110-ABCDE-FGHJK-MNPQR-STVWX-4", InvalidVoucherCode::Character { found: 'é' }),
            ("01110-ABCDE-FGHJK-MNPQR-STVWX-1", InvalidVoucherCode::Last { found: '1' }),
        ] {
            assert_eq!(VoucherCode::new(text), Err(error), "{text}");
            assert!(!error.to_string().contains("ABCDE"), "{error}");
        }
        // What 128 bits leave of the last letter.
        let ends = ALPHABET.iter().map(|letter| char::from(*letter));
        let valid = ends.filter(|end| VoucherCode::new(&format!("{}{end}", "0".repeat(25))).is_ok());
        assert_eq!(valid.collect::<String>(), "048CGMRW");
    }
}
