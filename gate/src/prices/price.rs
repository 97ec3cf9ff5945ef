use std::num::NonZeroU64;

use farthing_protocol::{CanonicalPath, Currency, InvalidDenomination};
use farthing_service::count::Count;
use serde::Deserialize;

use super::{Amount, PathPattern};
use crate::host::Host;
use crate::pass::Scope;

/// What some pages cost: a table `price` of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// Which pages.
    pub path: PathPattern,
    /// Of which site, if the gate stands before several; of each unless said otherwise.
    pub host: Option<Host>,
    /// What each costs, in millionths of the currency's unit.
    pub price_micros: NonZeroU64,
    /// In which currency.
    pub currency: Currency,
    /// For how many minutes a payment opens it. 1440, a day, unless said otherwise.
    #[serde(default)]
    pub pass_minutes: Count<1440>,
    /// Whether the site itself shows something of the page to who has not paid.
    #[serde(default)]
    pub preview: bool,
}

impl Price {
    /// A price of that many millionths of a currency's unit, for a day, of every page.
    ///
    /// # Errors
    /// There is no such currency (ISO 4217, such as `EUR`), or the price is nothing.
    pub fn new(price_micros: u64, currency: &str) -> Result<Self, InvalidDenomination> {
        let price_micros = NonZeroU64::new(price_micros).ok_or(InvalidDenomination::Value)?;
        let (path, currency) = (PathPattern::everything(), currency.parse()?);
        Ok(Self { path, host: None, price_micros, currency, pass_minutes: Count::default(), preview: false })
    }

    /// What is due.
    pub fn amount(&self) -> Amount {
        Amount { micros: self.price_micros, currency: self.currency }
    }

    /// How long a payment opens what it was for, in seconds.
    pub fn pass_seconds(&self) -> u64 {
        u64::from(self.pass_minutes.get()) * 60
    }

    /// What a payment for `path` opens; `None` when this is the price of other pages.
    pub fn scope(&self, host: &Host, path: &CanonicalPath) -> Option<Scope> {
        if self.host.as_ref().is_some_and(|priced| priced != host) {
            return None;
        }
        let bought = self.path.bought(path)?;
        Some(Scope { host: host.clone(), path: bought.to_owned(), below: self.path.is_open() })
    }
}
