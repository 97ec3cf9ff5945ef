//! Amounts as people read them. Inside, they stay integers.

use std::fmt;

use farthing_protocol::Currency;

/// Decimal places of a micro amount.
const MICRO_PLACES: usize = 6;

/// So many millionths of a currency's unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Amount {
    /// How many.
    pub micros: u64,
    /// Of which currency.
    pub currency: Currency,
}

/// A text that is no amount.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{number} {currency}` is no amount: write it like 0.05 EUR, with at most six decimal places")]
pub struct InvalidAmount {
    number: String,
    currency: String,
}

impl Amount {
    /// Reads an amount as people write it: digits with or without a decimal point, and the currency's code.
    ///
    /// # Errors
    ///
    /// [`InvalidAmount`].
    pub fn parse(number: &str, currency: &str) -> Result<Self, InvalidAmount> {
        let micros = parse_micros(number);
        let known = currency.to_ascii_uppercase().parse().ok();
        let invalid = InvalidAmount { number: number.to_owned(), currency: currency.to_owned() };
        micros.zip(known).map(|(micros, currency)| Self { micros, currency }).ok_or(invalid)
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&format_micros(self.micros, self.currency.code()))
    }
}

fn parse_micros(text: &str) -> Option<u64> {
    let (units, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(units) || !is_number(fraction) || fraction.len() > MICRO_PLACES {
        return None;
    }
    let fraction: u64 = format!("{fraction:0<MICRO_PLACES$}").parse().ok()?;
    units.parse::<u64>().ok()?.checked_mul(1_000_000)?.checked_add(fraction)
}

/// An amount in millionths of a currency's unit as text: `1.00 EUR`, `0.005 EUR`, `120 JPY`.
///
/// At least the places of the currency's minor unit are shown, and more only where they are not zero.
pub fn format_micros(micros: u64, currency: &str) -> String {
    let places = minor_places(currency).min(MICRO_PLACES);
    let fraction = format!("{:06}", micros % 1_000_000);
    let needed = fraction.trim_end_matches('0').len().max(places);
    let units = micros / 1_000_000;
    match &fraction[..needed] {
        "" => format!("{units} {currency}"),
        fraction => format!("{units}.{fraction} {currency}"),
    }
}

/// An amount in a currency's minor unit as text: 100 EUR cents are `1.00 EUR`.
pub fn format_minor(minor: u64, currency: &str) -> String {
    let places = minor_places(currency);
    if places == 0 {
        return format!("{minor} {currency}");
    }
    let digits = format!("{minor:0width$}", width = places + 1);
    let (units, fraction) = digits.split_at(digits.len() - places);
    format!("{units}.{fraction} {currency}")
}

/// Places of the currency's minor unit; none for a code that is unknown.
fn minor_places(currency: &str) -> usize {
    let Ok(currency) = currency.parse::<Currency>() else { return 0 };
    let mut places = MICRO_PLACES;
    let mut micros = currency.minor_unit_micros();
    while micros >= 10 {
        micros /= 10;
        places -= 1;
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_as_they_are_written() {
        for (number, currency, shown) in [
            ("0.05", "EUR", "0.05 EUR"),
            ("1", "eur", "1.00 EUR"),
            ("0.000001", "EUR", "0.000001 EUR"),
            ("18446744073709.551615", "EUR", "18446744073709.551615 EUR"),
            ("120", "JPY", "120 JPY"),
        ] {
            assert_eq!(Amount::parse(number, currency).unwrap().to_string(), shown);
        }
        for (number, currency) in [
            ("", "EUR"),
            (".5", "EUR"),
            ("1.", "EUR"),
            ("-1", "EUR"),
            ("+1", "EUR"),
            ("1e3", "EUR"),
            ("0,05", "EUR"),
            ("0.0000001", "EUR"),
            ("18446744073710", "EUR"),
            ("1", "euro"),
            ("1", "XXX"),
        ] {
            assert!(Amount::parse(number, currency).is_err(), "{number} {currency}");
        }
    }

    #[test]
    fn amounts_read_as_their_currency_is_written() {
        for (micros, currency, text) in [
            (1_000_000, "EUR", "1.00 EUR"),
            (10_000, "EUR", "0.01 EUR"),
            (5_000, "EUR", "0.005 EUR"),
            (1, "EUR", "0.000001 EUR"),
            (0, "EUR", "0.00 EUR"),
            (120_000_000, "JPY", "120 JPY"),
            (500_000, "JPY", "0.5 JPY"),
            (1_234_567_000, "KWD", "1234.567 KWD"),
            (2_500_000, "XTS", "2.50 XTS"),
            (u64::MAX, "EUR", "18446744073709.551615 EUR"),
        ] {
            assert_eq!(format_micros(micros, currency), text);
        }
        for (minor, currency, text) in [
            (100, "EUR", "1.00 EUR"),
            (5, "EUR", "0.05 EUR"),
            (0, "EUR", "0.00 EUR"),
            (120, "JPY", "120 JPY"),
            (7, "???", "7 ???"),
            (1_500, "KWD", "1.500 KWD"),
        ] {
            assert_eq!(format_minor(minor, currency), text);
        }
    }
}
