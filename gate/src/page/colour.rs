use std::fmt;
use std::str::FromStr;

use serde::de::{Deserialize, Deserializer, Error as _};
use thiserror::Error;

/// A colour such as `#0b5fff`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Colour([u8; 3]);

impl Colour {
    pub(super) const BLACK: Self = Self([0, 0, 0]);
    pub(super) const WHITE: Self = Self([0xff, 0xff, 0xff]);

    pub(super) const fn of(red: u8, green: u8, blue: u8) -> Self {
        Self([red, green, blue])
    }

    /// How well it can be told from another: 1 to 21, WCAG 2.2's contrast ratio.
    pub fn contrast(self, other: Self) -> f64 {
        let (one, two) = (self.luminance(), other.luminance());
        (one.max(two) + 0.05) / (one.min(two) + 0.05)
    }

    /// Black or white, whichever can be read better on it; the worse case is 4.58, which is enough for any text.
    pub(super) fn readable_on_it(self) -> Self {
        if self.contrast(Self::BLACK) >= self.contrast(Self::WHITE) { Self::BLACK } else { Self::WHITE }
    }

    fn luminance(self) -> f64 {
        let linear = |channel: u8| {
            let part = f64::from(channel) / 255.0;
            if part <= 0.040_45 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        };
        let [red, green, blue] = self.0.map(linear);
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }
}

impl FromStr for Colour {
    type Err = InvalidColour;

    fn from_str(text: &str) -> Result<Self, InvalidColour> {
        let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6).ok_or(InvalidColour)?;
        let bytes =
            data_encoding::HEXLOWER_PERMISSIVE.decode(digits.as_bytes()).map_err(|_| InvalidColour)?;
        bytes.try_into().map(Self).map_err(|_| InvalidColour)
    }
}

impl<'de> Deserialize<'de> for Colour {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [red, green, blue] = self.0;
        write!(f, "#{red:02x}{green:02x}{blue:02x}")
    }
}

impl fmt::Debug for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Colour({self})")
    }
}

/// Text that is no colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("write a colour as \"#0b5fff\": a hash and six hexadecimal digits")]
pub struct InvalidColour;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn contrast_is_the_standards() {
        let contrast = |one: &str, two: &str| one.parse::<Colour>().unwrap().contrast(two.parse().unwrap());
        for (one, two, ratio) in [
            ("#000000", "#ffffff", 21.0),
            ("#777777", "#FFFFFF", 4.48),
            ("#0000ff", "#ffffff", 8.59),
            ("#123456", "#123456", 1.0),
        ] {
            assert!((contrast(one, two) - ratio).abs() < 0.01, "{one} {two} {}", contrast(one, two));
            assert!((contrast(one, two) - contrast(two, one)).abs() < 1e-9);
        }
        for wrong in ["", "red", "#fff", "#gggggg", "0b5fff", "#0b5fff ", "#0b5ff\u{e9}"] {
            assert!(wrong.parse::<Colour>().is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn black_or_white_can_always_be_read(bytes: [u8; 3]) {
            let colour = Colour(bytes);
            prop_assert!(colour.contrast(colour.readable_on_it()) >= 4.5);
            prop_assert_eq!(colour.to_string().parse(), Ok(colour));
        }
    }
}
