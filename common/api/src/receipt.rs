use serde::{Deserialize, Serialize};

use crate::{BalanceEntry, Base64Url};

/// `payloadType` of an [`Envelope`](crate::Envelope) around a [`Receipt`].
pub const RECEIPT_PAYLOAD_TYPE: &str = "application/vnd.farthing.receipt+json";

/// What the redeemer signs for each redemption that took tokens: what it owes for them. It names no token and no content,
/// and the redeemer keeps none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Receipt {
    /// Tells the redemption from all others, 16 bytes. An answer that is asked for again has the same receipt.
    pub redemption: Base64Url<[u8; 16]>,
    /// The publisher's id.
    pub publisher: String,
    /// The day on which it was credited, `YYYY-MM-DD`, UTC.
    #[cfg_attr(feature = "schema", schemars(extend("format" = "date")))]
    pub day: String,
    /// What was credited, a line for each currency.
    pub credited: Vec<BalanceEntry>,
}
