use serde::de::{Deserialize, Deserializer, Error, Unexpected};

/// For how many days after its last one a statement is held before it may be paid, 0 to 365; 30 when the configuration says
/// nothing: a reader who bought tokens with a stolen card has spent them by the time that the card's owner finds out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HoldDays(u32);

impl HoldDays {
    const MOST: u32 = 365;

    /// The number.
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl Default for HoldDays {
    fn default() -> Self {
        Self(30)
    }
}

impl<'de> Deserialize<'de> for HoldDays {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = u64::deserialize(deserializer)?;
        let days = u32::try_from(number).ok().filter(|days| *days <= Self::MOST);
        let expected = "a whole number of days from 0 to 365";
        days.map(Self).ok_or_else(|| D::Error::invalid_value(Unexpected::Unsigned(number), &expected))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hold_is_at_most_a_year() {
        let days = |text: &str| serde_json::from_str::<HoldDays>(text).map(HoldDays::get);
        assert_eq!((days("0").unwrap(), days("365").unwrap()), (0, 365));
        for wrong in ["366", "-1", "1.5"] {
            assert!(days(wrong).is_err(), "{wrong}");
        }
    }
}
