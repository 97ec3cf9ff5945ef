use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use iso_currency::Currency as Iso;
use thiserror::Error;

use crate::text_form::text_form;

/// A currency of ISO 4217 that has a minor unit, or XTS, the standard's code for tests.
///
/// Written as its three capital letters. Metals, funds of the standard without minor unit and `XXX` are no money
/// that a pack could be priced in, and are refused.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Currency {
    iso: Iso,
    /// Decimal digits of the minor unit: 2 for EUR (cents), 0 for JPY.
    exponent: u32,
}

impl Currency {
    /// The three capital letters.
    pub fn code(self) -> &'static str {
        self.iso.code()
    }

    /// Micros (millionths of the unit) in one minor unit: 10,000 for EUR, 1,000,000 for JPY.
    pub const fn minor_unit_micros(self) -> u64 {
        10_u64.pow(6 - self.exponent)
    }

    /// An amount in the minor unit, in micros; none where that does not fit.
    pub fn micros_of_minor(self, minor: i64) -> Option<i64> {
        i64::try_from(self.minor_unit_micros()).ok()?.checked_mul(minor)
    }

    /// A price in the minor unit, in micros.
    pub fn price_micros(self, price_minor: u64) -> u128 {
        u128::from(price_minor) * u128::from(self.minor_unit_micros())
    }

    /// Micros as a decimal number of the unit, with this sign before the decimals: at least as many as the minor unit has,
    /// and more only where they are not zero.
    pub fn decimal(self, micros: i128, point: char) -> String {
        let (sign, micros) = (if micros < 0 { "-" } else { "" }, micros.unsigned_abs());
        let whole = micros / 1_000_000;
        let digits = format!("{:06}", micros % 1_000_000);
        let used = digits.trim_end_matches('0').len().max(self.exponent as usize);
        match digits.get(..used) {
            Some(decimals) if used > 0 => format!("{sign}{whole}{point}{decimals}"),
            _ => format!("{sign}{whole}"),
        }
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Currency({})", self.code())
    }
}

impl Ord for Currency {
    fn cmp(&self, other: &Self) -> Ordering {
        self.code().cmp(other.code())
    }
}

impl PartialOrd for Currency {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Text that is not the code of a currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not an ISO 4217 currency code with a minor unit, in capital letters (as EUR; XTS for tests)")]
pub struct UnknownCurrency;

impl FromStr for Currency {
    type Err = UnknownCurrency;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let iso = Iso::from_code(text).filter(|iso| iso.code() == text).ok_or(UnknownCurrency)?;
        let exponent = match iso {
            // The standard gives the test code no minor unit; tests want cents.
            Iso::XTS => 2,
            _ => u32::from(iso.exponent().ok_or(UnknownCurrency)?),
        };
        // Micros could not hold a minor unit smaller than a millionth; the smallest today is a ten-thousandth.
        if exponent > 6 { Err(UnknownCurrency) } else { Ok(Self { iso, exponent }) }
    }
}

text_form!(Currency);

#[cfg(test)]
mod tests {
    use super::*;

    fn currency(code: &str) -> Currency {
        code.parse().unwrap()
    }

    #[test]
    fn minor_units_are_the_standards() {
        for (code, micros) in [
            ("EUR", 10_000),
            ("JPY", 1_000_000),
            ("KWD", 1_000),
            ("CLF", 100),
            ("USD", 10_000),
            ("XTS", 10_000),
        ] {
            assert_eq!(currency(code).minor_unit_micros(), micros, "{code}");
            let (unit, most) = (i64::try_from(micros).unwrap(), i64::MAX / i64::try_from(micros).unwrap());
            assert_eq!(currency(code).micros_of_minor(-7), Some(-7 * unit), "{code}");
            assert_eq!(currency(code).micros_of_minor(most), Some(most * unit), "{code}");
            assert_eq!(currency(code).micros_of_minor(most + 1), None, "{code}");
            assert_eq!(currency(code).to_string(), code);
        }
        assert_eq!(currency("EUR").price_micros(100), 1_000_000);
        assert_eq!(currency("JPY").price_micros(u64::MAX), u128::from(u64::MAX) * 1_000_000);
    }

    #[test]
    fn amounts_have_the_decimals_of_their_currency() {
        for (micros, code, text) in [
            (50_000, "EUR", "0.05"),
            (-50_000, "EUR", "-0.05"),
            (1_000_000, "EUR", "1.00"),
            (12_345_600, "EUR", "12.3456"),
            (1, "EUR", "0.000001"),
            (0, "EUR", "0.00"),
            (3_000_000, "JPY", "3"),
            (-2_500_000, "JPY", "-2.5"),
            (10_000, "KWD", "0.010"),
        ] {
            assert_eq!(currency(code).decimal(micros, '.'), text);
        }
        assert_eq!(currency("EUR").decimal(1_230_000, ','), "1,23");
    }

    #[test]
    fn only_codes_of_money_parse() {
        for wrong in ["", "eur", "EU", "EURO", "AAA", "XXX", "XAU", " EUR", "€"] {
            assert_eq!(wrong.parse::<Currency>(), Err(UnknownCurrency), "{wrong}");
        }
    }

    #[test]
    fn order_is_the_alphabets() {
        assert!(currency("CHF") < currency("EUR"));
        assert!(currency("USD") > currency("JPY"));
        assert_eq!(format!("{:?}", currency("EUR")), "Currency(EUR)");
    }
}
