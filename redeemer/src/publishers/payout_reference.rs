use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::ledger::{InvalidRemark, Remark};

/// Where a publisher is paid, in the operator's words, such as an IBAN or the number of an account: 1 to 200 characters
/// on one line. It is shown to the operator and to the publisher itself, and to nobody else.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PayoutReference(Remark);

impl PayoutReference {
    /// The words.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl FromStr for PayoutReference {
    type Err = InvalidRemark;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

impl fmt::Debug for PayoutReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PayoutReference(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payout_reference_is_one_line_that_debug_does_not_show() {
        let reference: PayoutReference = "DE02 1203 0000 0000 2020 51".parse().unwrap();
        assert_eq!(reference.as_str(), "DE02 1203 0000 0000 2020 51");
        assert_eq!(format!("{reference:?}"), "PayoutReference(..)");
        for wrong in ["", " ", "a\nb", &"1".repeat(201)] {
            assert!(wrong.parse::<PayoutReference>().is_err(), "{wrong:?}");
        }
    }
}
