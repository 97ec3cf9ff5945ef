use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, de};
use thiserror::Error;

/// What the operator calls a publisher: 1 to 100 characters on one line, without space at either end.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct PublisherName(String);

/// Text that is no publisher's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a publisher's name has 1 to 100 characters on one line, without space at either end")]
pub struct InvalidPublisherName;

impl PublisherName {
    /// The longest name, in characters.
    const LONGEST: usize = 100;

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PublisherName {
    type Err = InvalidPublisherName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fits = (1..=Self::LONGEST).contains(&text.chars().count());
        if fits && text.trim() == text && !text.chars().any(char::is_control) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidPublisherName)
        }
    }
}

impl fmt::Display for PublisherName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for PublisherName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_short_line() {
        for name in ["a", "The Daily \u{201c}Penny\u{201d}", &"\u{e9}".repeat(100)] {
            assert_eq!(name.parse::<PublisherName>().unwrap().as_str(), name);
        }
        for name in ["", " ", " a", "a\n", "a\u{1b}[0m", &"a".repeat(101)] {
            assert_eq!(name.parse::<PublisherName>(), Err(InvalidPublisherName), "{name:?}");
        }
    }
}
