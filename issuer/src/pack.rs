//! What is for sale: packs as the configuration names them.

use std::collections::{BTreeMap, BTreeSet};

use farthing_api::PackView;
use farthing_protocol::Denomination;
use serde::Deserialize;

use crate::orders::{Method, OrderedPack};

/// Most tokens of one pack: its token request is then 320 kB.
const MOST_TOKENS: u32 = 10_000;
/// Most denominations of one currency: each divides the crowd in which a token hides.
const MOST_DENOMINATIONS: usize = 4;

/// The keys of a `[[pack]]` table.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PackKeys {
    id: String,
    title: String,
    count: u32,
    value_micros: u64,
    currency: String,
    price_minor: u64,
    #[serde(default)]
    discount: bool,
}

/// A pack: so many tokens of one denomination at one price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pack {
    title: String,
    ordered: OrderedPack,
}

/// What is wrong with the packs of a configuration: the key, and how to mend it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackFault {
    /// The key, as `pack[1].price_minor`.
    pub key: String,
    /// What is wrong, and what to write.
    pub reason: String,
}

impl Pack {
    /// Checks the packs of a configuration together.
    ///
    /// # Errors
    /// The first key that is wrong.
    pub fn check_all(packs: &[PackKeys]) -> Result<Vec<Self>, PackFault> {
        if packs.is_empty() {
            let reason = "there is nothing for sale; add a [[pack]] table".to_owned();
            return Err(PackFault { key: "pack".to_owned(), reason });
        }
        let mut ids = BTreeSet::new();
        let mut denominations: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        let mut checked = Vec::new();
        for (place, keys) in packs.iter().enumerate() {
            let fault = |key: &str, reason: String| PackFault { key: format!("pack[{place}].{key}"), reason };
            let pack = Self::check(keys).map_err(|(key, reason)| fault(key, reason))?;
            if !ids.insert(keys.id.clone()) {
                return Err(fault("id", format!("another pack has the id {:?}; choose a new one", keys.id)));
            }
            let denomination = pack.denomination();
            let of_currency = denominations.entry(denomination.currency()).or_default();
            of_currency.insert(denomination);
            if of_currency.len() > MOST_DENOMINATIONS {
                let currency = denomination.currency();
                return Err(fault(
                    "value_micros",
                    format!(
                        "{currency} has more than {MOST_DENOMINATIONS} denominations; tokens hide in a crowd, so use fewer"
                    ),
                ));
            }
            checked.push(pack);
        }
        Ok(checked)
    }

    fn check(keys: &PackKeys) -> Result<Self, (&'static str, String)> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if keys.id.is_empty() || keys.id.len() > 64 || !keys.id.bytes().all(plain) {
            return Err(("id", "an id has 1 to 64 lower-case letters, digits and dashes".to_owned()));
        }
        if keys.title.trim().is_empty() || keys.title.len() > 200 || keys.title.chars().any(char::is_control)
        {
            return Err(("title", "a title has 1 to 200 bytes and no control characters".to_owned()));
        }
        if keys.count == 0 || keys.count > MOST_TOKENS {
            return Err(("count", format!("a pack has 1 to {MOST_TOKENS} tokens")));
        }
        let currency = keys
            .currency
            .parse()
            .map_err(|error: farthing_protocol::UnknownCurrency| ("currency", error.to_string()))?;
        let denomination = Denomination::new(keys.value_micros, currency)
            .map_err(|error| ("value_micros", error.to_string()))?;
        if keys.price_minor == 0 || keys.price_minor > Denomination::MAX_VALUE_MICROS {
            return Err(("price_minor", "a price is at least 1 of the currency's minor unit".to_owned()));
        }
        let face = denomination.face_micros(keys.count.into());
        if !keys.discount && currency.price_micros(keys.price_minor) < face {
            let minor = face.div_ceil(currency.minor_unit_micros().into());
            return Err((
                "price_minor",
                format!(
                    "the price is below the tokens' face value of {minor}; raise it, or write discount = true"
                ),
            ));
        }
        let ordered = OrderedPack {
            id: keys.id.clone(),
            count: keys.count,
            denomination,
            price_minor: keys.price_minor,
        };
        Ok(Self { title: keys.title.clone(), ordered })
    }

    /// The id that orders name.
    pub fn id(&self) -> &str {
        &self.ordered.id
    }

    /// What each token is worth.
    pub fn denomination(&self) -> Denomination {
        self.ordered.denomination
    }

    /// What an order keeps of it.
    pub fn ordered(&self) -> OrderedPack {
        self.ordered.clone()
    }

    /// The pack as buyers see it.
    pub fn view(&self) -> PackView {
        let OrderedPack { id, count, denomination, price_minor } = self.ordered();
        PackView {
            id,
            title: self.title.clone(),
            count,
            value_micros: denomination.value_micros().get(),
            currency: denomination.currency().to_string(),
            price_minor,
            methods: Method::ALL.iter().map(|method| method.name().to_owned()).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> PackKeys {
        PackKeys {
            id: "reader-100".to_owned(),
            title: "100 articles".to_owned(),
            count: 100,
            value_micros: 10_000,
            currency: "EUR".to_owned(),
            price_minor: 100,
            discount: false,
        }
    }

    fn fault(change: impl Fn(&mut PackKeys)) -> PackFault {
        let mut wrong = keys();
        change(&mut wrong);
        Pack::check_all(&[wrong]).unwrap_err()
    }

    #[test]
    fn a_price_below_face_value_must_be_meant() {
        Pack::check_all(&[keys()]).unwrap();
        let below = fault(|keys| keys.price_minor = 99);
        assert_eq!(below.key, "pack[0].price_minor");
        assert_eq!(
            below.reason,
            "the price is below the tokens' face value of 100; raise it, or write discount = true"
        );
        Pack::check_all(&[PackKeys { price_minor: 99, discount: true, ..keys() }]).unwrap();
        let yen =
            PackKeys { currency: "JPY".to_owned(), value_micros: 1_000_000, price_minor: 100, ..keys() };
        Pack::check_all(&[yen]).unwrap();
    }

    #[test]
    fn each_wrong_key_is_named() {
        for (key, wrong) in [
            ("id", fault(|keys| keys.id = "Reader 100".to_owned())),
            ("title", fault(|keys| keys.title = " ".to_owned())),
            ("count", fault(|keys| keys.count = 0)),
            ("count", fault(|keys| keys.count = MOST_TOKENS + 1)),
            ("value_micros", fault(|keys| keys.value_micros = 0)),
            ("currency", fault(|keys| keys.currency = "eur".to_owned())),
            ("price_minor", fault(|keys| keys.price_minor = 0)),
        ] {
            assert_eq!(wrong.key, format!("pack[0].{key}"), "{wrong:?}");
        }
        assert_eq!(Pack::check_all(&[]).unwrap_err().key, "pack");
        assert_eq!(Pack::check_all(&[keys(), keys()]).unwrap_err().key, "pack[1].id");
        let many: Vec<_> = (0..5)
            .map(|n| PackKeys { id: format!("p{n}"), value_micros: 1_000 * (n + 1), ..keys() })
            .collect();
        assert_eq!(Pack::check_all(&many).unwrap_err().key, "pack[4].value_micros");
    }
}
