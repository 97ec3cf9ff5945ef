//! The languages that pages for people are written in.

use actix_web::http::header::{ACCEPT_LANGUAGE, HeaderMap};
use serde::Deserialize;

/// A language that pages are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Language {
    /// English.
    #[serde(rename = "en")]
    English,
    /// German.
    #[serde(rename = "de")]
    German,
}

impl Language {
    /// Every one of them.
    pub const ALL: [Self; 2] = [Self::English, Self::German];

    /// Its tag in HTML and HTTP.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
        }
    }

    /// The sign before the decimals of a number.
    pub const fn decimal(self) -> char {
        match self {
            Self::English => '.',
            Self::German => ',',
        }
    }

    /// The one of `offered` that a reader prefers, as the headers `Accept-Language` say; else the first.
    pub fn choose(offered: &[Self], headers: &HeaderMap) -> Self {
        let lines = headers.get_all(ACCEPT_LANGUAGE).filter_map(|line| line.to_str().ok());
        let mut best: Option<(Self, u32)> = None;
        for range in lines.flat_map(|line| line.split(',')) {
            let (tag, weight) = match range.split_once(';') {
                Some((tag, weight)) => (tag.trim(), thousandths(weight.trim())),
                None => (range.trim(), 1_000),
            };
            let primary = tag.split('-').next().unwrap_or_default();
            let found = offered.iter().find(|language| primary.eq_ignore_ascii_case(language.tag()));
            if let Some(language) = found
                && weight > best.map_or(0, |(_, weight)| weight)
            {
                best = Some((*language, weight));
            }
        }
        best.map_or_else(|| offered.first().copied().unwrap_or(Self::English), |(language, _)| language)
    }
}

/// `q=0.8` as 800; what is no weight is none.
fn thousandths(weight: &str) -> u32 {
    let number = weight.strip_prefix("q=").and_then(|text| text.parse::<f32>().ok());
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 1000")]
    number.map_or(0, |number| (number.clamp(0.0, 1.0) * 1_000.0) as u32)
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    #[test]
    fn the_readers_language_is_chosen_if_it_is_there() {
        use Language::{English, German};
        for (offered, accepted, chosen) in [
            (&[English, German][..], "de-AT,de;q=0.9,en;q=0.8", German),
            (&[English, German], "fr, en;q=0.1, de;q=0.2", German),
            (&[German, English], "fr", German),
            (&[German, English], "EN-us", English),
            (&[German], "en", German),
            (&[English, German], "de;q=0", English),
            (&[English, German], "de;q=x,;,", English),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_LANGUAGE, HeaderValue::from_static(accepted));
            assert_eq!(Language::choose(offered, &headers), chosen, "{accepted}");
        }
        assert_eq!(Language::choose(&Language::ALL, &HeaderMap::new()), English);
    }
}
