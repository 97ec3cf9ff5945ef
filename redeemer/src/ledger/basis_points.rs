use serde::de::{Deserialize, Deserializer, Error, Unexpected};

/// A share in hundredths of a percent, 0 to 10,000; none when the configuration says nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BasisPoints(u16);

impl BasisPoints {
    /// All of it.
    pub const WHOLE: u16 = 10_000;

    /// The number.
    pub const fn get(self) -> u16 {
        self.0
    }
}

impl<'de> Deserialize<'de> for BasisPoints {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = u64::deserialize(deserializer)?;
        let points = u16::try_from(number).ok().filter(|points| *points <= Self::WHOLE);
        let expected = "a whole number from 0 to 10000, hundredths of a percent";
        points.map(Self).ok_or_else(|| D::Error::invalid_value(Unexpected::Unsigned(number), &expected))
    }
}

impl serde::Serialize for BasisPoints {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u16(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_no_more_than_the_whole() {
        let points = |text: &str| serde_json::from_str::<BasisPoints>(text).map(BasisPoints::get);
        assert_eq!(points("0").unwrap(), 0);
        assert_eq!(points("10000").unwrap(), 10_000);
        for wrong in ["10001", "-1", "1.5"] {
            assert!(points(wrong).is_err(), "{wrong}");
        }
    }
}
