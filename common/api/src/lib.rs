//! The JSON types and problem kinds of Farthing's HTTP APIs: shapes only, no behaviour.
//!
//! The services write them and the wallet, the gate and publishers read them. Amounts are integers: `value_micros`
//! is a millionth of the currency's unit (10 000 EUR micros are one cent), `price_minor` the currency's own minor
//! unit of ISO 4217. Days are `YYYY-MM-DD` in UTC, times are unix seconds, byte strings are base64url without
//! padding (padding is accepted wherever we read).

mod balance;
mod base64url;
#[cfg(feature = "schema")]
mod example;
mod key_listing;
mod order;
mod pack;
mod payout;
mod problem;
mod publisher;
mod receipt;
mod redemption;
#[cfg(feature = "schema")]
mod schema;
mod signed;
mod statement;
mod totals;

pub use balance::{BALANCE_PAYLOAD_TYPE, Balance, BalanceEntry, SignedAmount};
pub use base64url::Base64Url;
#[cfg(feature = "schema")]
pub use example::Example;
pub use key_listing::{KeyEntry, KeyListing};
pub use order::{NewOrder, OrderState, OrderView, VoucherPayment};
pub use pack::{PackListing, PackView};
pub use payout::{PAYOUTS_PAYLOAD_TYPE, PayoutEntry, PayoutListing};
pub use problem::{PROBLEM_MEDIA_TYPE, Problem, ProblemKind};
pub use publisher::{AdjustmentEntry, ApiKeyEntry, CreditEntry, PublisherData};
pub use receipt::{RECEIPT_PAYLOAD_TYPE, Receipt};
pub use redemption::{NewRedemption, RedemptionAnswer, TokenResult};
#[cfg(feature = "schema")]
pub use schema::signed_schema;
pub use signed::{Envelope, EnvelopeSignature, Jwk, JwkSet, SIGNING_KEYS_PATH, TOTALS_PAYLOAD_TYPE};
pub use statement::{
    STATEMENT_PAYLOAD_TYPE, STATEMENTS_PAYLOAD_TYPE, Statement, StatementAdjustment, StatementCredit,
    StatementListing, StatementSummary,
};
pub use totals::{DayTotal, KeyTotals, Totals};

/// Request header of the full 32-byte token key id (base64url), by which a client guards against a truncated id
/// that names another key.
pub const TOKEN_KEY_ID_HEADER: &str = "Farthing-Token-Key-Id";
/// Request header that makes a redemption repeatable: 1 to 255 printable ASCII characters.
pub const IDEMPOTENCY_KEY_HEADER: &str = "Idempotency-Key";
/// Where a gate takes payments of more tokens than a header carries.
pub const PAY_PATH: &str = "/.well-known/farthing/pay";
/// Request header of a payment to [`PAY_PATH`]: the path and query of the page that it is for.
pub const PAID_PATH_HEADER: &str = "Farthing-Path";
/// Header of a request to a site, in which the gate before it says whether the reader has paid: `free`, `preview` or
/// `paid`. In an answer without a pass, `free` says that the page costs nothing, so that tokens that were shown for it were
/// not looked at and are not spent.
pub const ACCESS_HEADER: &str = "Farthing-Access";
/// The most tokens one redemption may carry.
pub const MAX_TOKENS_PER_REDEMPTION: usize = 1_000;
