//! Amounts as people read them. Inside, they stay integers.

use farthing_protocol::Currency;

/// Decimal places of a micro amount.
const MICRO_PLACES: usize = 6;

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
