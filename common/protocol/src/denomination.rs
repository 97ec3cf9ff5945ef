use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;

use thiserror::Error;

use crate::text_form::text_form;
use crate::{Currency, UnknownCurrency};

/// What one token is worth: so many micros (millionths of the unit) of a currency.
///
/// Written as `EUR-10000` (one cent), which also begins the name of a key's file. Ordered by currency, then value.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Denomination {
    currency: Currency,
    value_micros: NonZeroU64,
}

impl Denomination {
    /// The largest value, 2^53 - 1 micros (nine billion units): the last integer that every JSON reader keeps exact.
    pub const MAX_VALUE_MICROS: u64 = (1 << 53) - 1;

    /// A denomination of 1 to 2^53 - 1 micros.
    ///
    /// # Errors
    /// [`InvalidDenomination::Value`] when the value is zero or larger.
    pub fn new(value_micros: u64, currency: Currency) -> Result<Self, InvalidDenomination> {
        if value_micros > Self::MAX_VALUE_MICROS {
            return Err(InvalidDenomination::Value);
        }
        let value_micros = NonZeroU64::new(value_micros).ok_or(InvalidDenomination::Value)?;
        Ok(Self { currency, value_micros })
    }

    /// A denomination of a value and a currency's code, as JSON and configuration files hold them.
    ///
    /// # Errors
    /// [`InvalidDenomination`] saying which of the two is wrong.
    pub fn from_parts(value_micros: u64, currency: &str) -> Result<Self, InvalidDenomination> {
        Self::new(value_micros, currency.parse()?)
    }

    /// Value of one token, in micros.
    pub const fn value_micros(self) -> NonZeroU64 {
        self.value_micros
    }

    /// Its currency.
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// Face value of `count` tokens, in micros.
    pub fn face_micros(self, count: u64) -> u128 {
        u128::from(self.value_micros.get()) * u128::from(count)
    }
}

impl fmt::Display for Denomination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.currency, self.value_micros)
    }
}

impl fmt::Debug for Denomination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Denomination({self})")
    }
}

/// What is no denomination, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum InvalidDenomination {
    /// The currency is unknown.
    #[error("the currency is {0}")]
    Currency(#[from] UnknownCurrency),
    /// The value is zero or too large.
    #[error("the value must be 1 to {} micros", Denomination::MAX_VALUE_MICROS)]
    Value,
    /// The text is not a currency, a dash and a number.
    #[error("not a denomination such as EUR-10000: a currency, a dash, and micros without leading zeros")]
    Text,
}

impl FromStr for Denomination {
    type Err = InvalidDenomination;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (currency, digits) = text.split_once('-').ok_or(InvalidDenomination::Text)?;
        let plain = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
        if !plain {
            return Err(InvalidDenomination::Text);
        }
        // Digits alone fail to parse only when they are none or too many.
        let value = digits.parse().map_err(|_| InvalidDenomination::Value)?;
        Self::from_parts(value, currency)
    }
}

text_form!(Denomination);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_and_value() {
        let cent: Denomination = "EUR-10000".parse().unwrap();
        assert_eq!(cent.value_micros().get(), 10_000);
        assert_eq!(cent.currency().code(), "EUR");
        assert_eq!(cent.to_string(), "EUR-10000");
        assert_eq!(format!("{cent:?}"), "Denomination(EUR-10000)");
        assert_eq!(cent.face_micros(100), cent.currency().price_micros(100));
        assert_eq!(cent.face_micros(u64::MAX), u128::from(u64::MAX) * 10_000);
        assert_eq!(serde_json::to_string(&cent).unwrap(), "\"EUR-10000\"");
    }

    #[test]
    fn a_denomination_has_one_text() {
        for wrong in
            ["EUR", "EUR-", "EUR-0", "EUR-010", "EUR-+1", "EUR--1", "eur-1", "EUR-1 ", "-1", "EUR-1.5"]
        {
            assert!(wrong.parse::<Denomination>().is_err(), "{wrong}");
        }
        assert!("EUR-9007199254740991".parse::<Denomination>().is_ok());
        for large in ["EUR-9007199254740992", "EUR-99999999999999999999999999"] {
            assert_eq!(large.parse::<Denomination>(), Err(InvalidDenomination::Value));
        }
    }

    #[test]
    fn order_is_by_currency_then_value() {
        let mut texts = ["USD-5", "EUR-20000", "EUR-3000"].map(|text| text.parse::<Denomination>().unwrap());
        texts.sort();
        assert_eq!(texts.map(|denomination| denomination.to_string()), ["EUR-3000", "EUR-20000", "USD-5"]);
    }

    proptest! {
        #[test]
        fn what_parses_shows_the_same(text in "[A-Z]{3}-[0-9]{1,20}|(EUR|JPY|XTS)-[0-9]{1,17}|\\PC{0,12}") {
            if let Ok(denomination) = text.parse::<Denomination>() {
                prop_assert_eq!(denomination.to_string(), text);
            }
        }
    }
}
