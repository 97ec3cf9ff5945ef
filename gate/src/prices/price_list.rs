use farthing_protocol::CanonicalPath;

use super::{PathPattern, Price};
use crate::host::Host;
use crate::pass::Scope;

/// Every price of the configuration, in its order, and what is free.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PriceList {
    /// Paths that cost nothing, whatever their price were.
    pub free: Vec<PathPattern>,
    /// Prices: the first that is of a path is its price.
    pub prices: Vec<Price>,
}

/// What a page asks of its reader.
#[derive(Debug, PartialEq, Eq)]
pub enum Asked<'a> {
    /// Nothing.
    Nothing,
    /// This price, and what a payment opens.
    Price(&'a Price, Scope),
}

impl PriceList {
    /// What the page at `path` asks: nothing where it is free or has no price.
    pub fn asked(&self, host: &Host, path: &CanonicalPath) -> Asked<'_> {
        if self.free.iter().any(|pattern| pattern.bought(path).is_some()) {
            return Asked::Nothing;
        }
        let found = self.prices.iter().find_map(|price| Some((price, price.scope(host, path)?)));
        found.map_or(Asked::Nothing, |(price, scope)| Asked::Price(price, scope))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list() -> PriceList {
        let prices = r#"[
            {"path": "/articles/long/**", "price_micros": 50000, "currency": "EUR"},
            {"path": "/articles/*/**", "price_micros": 10000, "currency": "EUR", "pass_minutes": 60},
            {"path": "/**", "host": "shop.example", "price_micros": 20000, "currency": "EUR", "preview": true}
        ]"#;
        let free = vec!["/articles/welcome".parse().unwrap()];
        PriceList { free, prices: serde_json::from_str(prices).unwrap() }
    }

    #[test]
    fn free_comes_first_and_then_the_order_of_the_file() {
        let list = list();
        for (host, path, expected) in [
            ("news.example", "/", None),
            ("news.example", "/articles", None),
            ("news.example", "/articles/welcome/", None),
            ("news.example", "/articles/welcome/more", Some((10_000, "/articles/welcome"))),
            ("news.example", "/articles/7", Some((10_000, "/articles/7"))),
            ("news.example", "/articles/7/images/1.png", Some((10_000, "/articles/7"))),
            ("news.example", "/articles/long/7", Some((50_000, "/articles/long"))),
            ("shop.example", "/", Some((20_000, ""))),
            ("shop.example", "/articles/7", Some((10_000, "/articles/7"))),
        ] {
            let asked = list.asked(&host.parse().unwrap(), &CanonicalPath::parse(path).unwrap());
            let found = match &asked {
                Asked::Nothing => None,
                Asked::Price(price, scope) => Some((price.price_micros.get(), scope.path.as_str())),
            };
            assert_eq!(found, expected, "{host}{path}");
        }
    }

    #[test]
    fn what_is_left_out_has_a_default() {
        let list = list();
        let seconds: Vec<_> = list.prices.iter().map(Price::pass_seconds).collect();
        assert_eq!(seconds, [86_400, 3_600, 86_400]);
        assert_eq!(list.prices.iter().map(|price| price.preview).collect::<Vec<_>>(), [false, false, true]);
    }
}
