//! Records in the form that they have in a backup, whichever kind of store they come from.

use farthing_protocol::{Day, Denomination};
use farthing_service::record::Record;
use serde::{Deserialize, Serialize};

/// Tokens that are marked as spent and credited to nobody, by token key: what was redeemed between the moment of a copy's
/// counts and the reading of its marks.
pub(super) const UNCREDITED: &str = "uncredited-marks";
/// Marks of a set on Redis with fewer than 256 buckets, of which the first byte is not wholly known: the set's ordinal, its
/// bucket bits (1 byte), the bucket (4 bytes) and the other 15 bytes.
pub(super) const SHORT_MARKS: &str = "spent-marks-short";

/// One set of spent tokens. Its record stays for ever, so that a key whose set is gone is never taken for a new one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SpentSet {
    /// How many sets were opened before it; what its marks begin with.
    pub(super) ordinal: u32,
    /// First day on which tokens of its key are no longer taken.
    pub(super) redeem_until: Day,
    /// Closed: nothing is taken any more, and its marks are being dropped or gone.
    pub(super) closed: bool,
}

impl Record for SpentSet {
    const KIND: &'static str = "spent set";
    const VERSION: u8 = 1;
}

/// What a publisher was credited on one day in one denomination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Credit {
    /// The denomination, so that the record speaks for itself.
    pub(super) denomination: Denomination,
    /// Tokens.
    pub(super) tokens: u64,
}

impl Record for Credit {
    const KIND: &'static str = "credit";
    const VERSION: u8 = 1;
}

/// See [`UNCREDITED`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Uncredited {
    /// Tokens.
    pub(super) tokens: u64,
}

impl Record for Uncredited {
    const KIND: &'static str = "count of uncredited marks";
    const VERSION: u8 = 1;
}
