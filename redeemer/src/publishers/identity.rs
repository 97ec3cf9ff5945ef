use std::str::FromStr;

use farthing_protocol::Day;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{PayoutReference, PublisherName};

/// Who a publisher is: what bookkeeping asks for, and nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Identity {
    /// It is known.
    Known {
        /// What the operator calls it; no two have one name.
        name: PublisherName,
        /// Where it is paid, if the operator has said so.
        payout_reference: Option<PayoutReference>,
    },
    /// It was erased, for ever. The id stays, so that the entries of its ledger stay somebody's and nobody else gets it.
    Erased {
        /// The day on which it was.
        on: Day,
        /// What became of what was owed to it.
        owed: Owed,
    },
}

/// What became of the money that was owed to a publisher when it was erased, as the operator says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Owed {
    /// There was none.
    Nothing,
    /// It was paid.
    Paid,
    /// The publisher gave it up.
    Forfeited,
}

/// Text that says of no money what became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("write paid or forfeited")]
pub struct InvalidOwed;

impl FromStr for Owed {
    type Err = InvalidOwed;

    fn from_str(text: &str) -> Result<Self, InvalidOwed> {
        match text {
            "paid" => Ok(Self::Paid),
            "forfeited" => Ok(Self::Forfeited),
            _ => Err(InvalidOwed),
        }
    }
}
