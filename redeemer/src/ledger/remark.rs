use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// What the operator says of an entry, in words that the publisher reads: 1 to 200 characters on one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Remark(String);

/// Text that is no remark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("write 1 to 200 characters on one line, without space at either end")]
pub struct InvalidRemark;

impl Remark {
    const LONGEST: usize = 200;

    /// The words.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Remark {
    type Err = InvalidRemark;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fits = (1..=Self::LONGEST).contains(&text.chars().count());
        let is_line = text.trim() == text && !text.chars().any(char::is_control);
        if fits && is_line { Ok(Self(text.to_owned())) } else { Err(InvalidRemark) }
    }
}

impl TryFrom<String> for Remark {
    type Error = InvalidRemark;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remark_is_one_line() {
        assert_eq!("sold twice by mistake".parse::<Remark>().unwrap().as_str(), "sold twice by mistake");
        for wrong in ["", " a", "a\nb", &"a".repeat(201)] {
            assert_eq!(wrong.parse::<Remark>(), Err(InvalidRemark), "{wrong:?}");
        }
    }
}
