use farthing_protocol::Day;
use farthing_service::record::Record;
use serde::{Deserialize, Serialize};

use crate::orders::OrderId;

/// A prepaid code's record. Once used it stays for ever, so that a code never pays twice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Voucher {
    /// The pack it pays for.
    pub pack: String,
    /// The day on which it was made.
    pub minted: Day,
    /// The order it paid.
    pub used_by: Option<OrderId>,
}

impl Record for Voucher {
    const KIND: &'static str = "voucher";
    const VERSION: u8 = 1;
}
