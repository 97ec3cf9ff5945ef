//! Limits as configuration gives them: whole numbers with a default.

use std::num::NonZeroU32;

use serde::{Deserialize, Deserializer};

/// How many of something, 1 or more, `DEFAULT` when the configuration says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count<const DEFAULT: u32>(u32);

impl<const DEFAULT: u32> Count<DEFAULT> {
    /// The number.
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl<const DEFAULT: u32> Default for Count<DEFAULT> {
    fn default() -> Self {
        Self(DEFAULT)
    }
}

impl<'de, const DEFAULT: u32> Deserialize<'de> for Count<DEFAULT> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        NonZeroU32::deserialize(deserializer).map(|count| Self(count.get()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_at_all_is_no_limit() {
        assert_eq!(Count::<10>::default().get(), 10);
        let count = |text: &str| serde_json::from_str::<Count<10>>(text).map(Count::get);
        assert_eq!(count("4294967295").unwrap(), u32::MAX);
        for text in ["0", "-1", "1.5", "4294967296", "\"1\""] {
            assert!(count(text).unwrap_err().to_string().contains("expected a nonzero u32"), "{text}");
        }
    }
}
