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
        self.currency.decimal(self.micros.get().into(), decimal)
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.number('.'), self.currency)
    }
}
