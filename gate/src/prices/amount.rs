use std::fmt;
use std::num::NonZeroU64;

use farthing_protocol::Currency;

/// An amount of money that is due or paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Amount {
    /// Millionths of the currency's unit.
    pub micros: NonZeroU64,
    /// The currency.
    pub currency: Currency,
}

impl Amount {
    /// The number alone, with a sign for the decimals: at least as many as the currency has.
    pub fn number(self, decimal: char) -> String {
        number(self.micros.get().into(), self.currency, decimal)
    }
}

/// Micros as a decimal number.
pub(crate) fn number(micros: u128, currency: Currency, decimal: char) -> String {
    let whole = micros / 1_000_000;
    let digits = format!("{:06}", micros % 1_000_000);
    // The minor unit of 10^n micros has 6 - n decimals.
    let least = 6 - currency.minor_unit_micros().ilog10() as usize;
    let used = digits.trim_end_matches('0').len().max(least);
    match digits.get(..used) {
        Some(decimals) if used > 0 => format!("{whole}{decimal}{decimals}"),
        _ => whole.to_string(),
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.number('.'), self.currency)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_the_decimals_of_their_currency() {
        for (micros, currency, text) in [
            (50_000, "EUR", "0.05 EUR"),
            (1_000_000, "EUR", "1.00 EUR"),
            (12_345_600, "EUR", "12.3456 EUR"),
            (1, "EUR", "0.000001 EUR"),
            (3_000_000, "JPY", "3 JPY"),
            (2_500_000, "JPY", "2.5 JPY"),
            (10_000, "KWD", "0.010 KWD"),
        ] {
            let amount =
                Amount { micros: NonZeroU64::new(micros).unwrap(), currency: currency.parse().unwrap() };
            assert_eq!(amount.to_string(), text);
        }
    }
}
