//! What the issuer asks of its store: small questions, each answered at once or not at all.

mod books;
mod embedded;
mod moving;
mod redis;
mod stores;

#[cfg(test)]
mod conformance;

pub use books::IssuerBooks;
pub use moving::IssuerTables;
pub use stores::{Stores, restore};

use async_trait::async_trait;
use farthing_protocol::{Day, Denomination, TokenKeyId};
use farthing_service::record::Record;
use farthing_service::unavailable::Unavailable;
use serde::{Deserialize, Serialize};

use crate::orders::{Claim, Order, OrderId};
use crate::vouchers::{Voucher, VoucherHash};

/// Orders, found by claim or id and changed by compare-and-set.
#[async_trait]
pub trait Orders: Send + Sync {
    /// Keeps a new, unpaid order, unless its claim owns one or `most_pending` orders can still be paid on the day on
    /// which it was made.
    async fn create(&self, order: Order, most_pending: u64) -> Result<Created, Unavailable>;

    /// The order that a claim owns.
    async fn by_claim(&self, claim: Claim) -> Result<Option<Order>, Unavailable>;

    /// The order with an id.
    async fn by_id(&self, id: OrderId) -> Result<Option<Order>, Unavailable>;

    /// Puts `to` in the place of `from`, and does what goes `along`, in one step; nothing of it if the order has
    /// changed since `from` was read or what goes along is refused.
    async fn replace(&self, from: &Order, to: &Order, along: Along) -> Result<Replaced, Unavailable>;

    /// Every order issued under one of these keys: what a revocation leaves to the operator.
    async fn issued_under(&self, keys: Vec<TokenKeyId>) -> Result<Vec<Order>, Unavailable>;
}

/// Vouchers, found by hash.
#[async_trait]
pub trait Vouchers: Send + Sync {
    /// Keeps new vouchers, all of them.
    async fn mint(&self, vouchers: Vec<(VoucherHash, Voucher)>) -> Result<(), Unavailable>;

    /// The voucher of a code.
    async fn find(&self, hash: VoucherHash) -> Result<Option<Voucher>, Unavailable>;
}

/// What was issued, by key and day.
#[async_trait]
pub trait IssuedTotals: Send + Sync {
    /// Every count, in the order of keys and days.
    async fn totals(&self) -> Result<Vec<(TokenKeyId, Day, IssuedTotal)>, Unavailable>;
}

/// What is dropped when it is of no use any more, a slice at a time.
#[async_trait]
pub trait Leftovers: Send + Sync {
    /// Drops at most `limit` unpaid orders that expired [`DAYS_KEPT_AFTER_EXPIRY`] days before `today`, or earlier.
    async fn drop_expired_orders(&self, today: Day, limit: usize) -> Result<Slice, Unavailable>;
}

/// Days for which the owner of an order that expired unpaid can still see that it did.
pub const DAYS_KEPT_AFTER_EXPIRY: u32 = 7;

/// What one step of [`Leftovers`] achieved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slice {
    /// There may be more to drop.
    More,
    /// Nothing is left to drop.
    Last,
}

impl Slice {
    /// After a step that dropped so many.
    const fn after(dropped: usize, limit: usize) -> Self {
        if dropped < limit { Self::Last } else { Self::More }
    }
}

/// What became of [`Orders::create`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Created {
    /// It is kept.
    New,
    /// The claim owns this order already; nothing was changed.
    Claimed(Order),
    /// Too many orders wait for payment; nothing was changed.
    TooManyPending,
}

/// What changes in the same step as an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Along {
    /// The voucher that paid it is used up.
    UseVoucher(VoucherHash),
    /// Its tokens are counted as issued.
    CountIssued {
        /// The key that issued them.
        key: TokenKeyId,
        /// The day.
        day: Day,
    },
}

/// What became of [`Orders::replace`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replaced {
    /// All of it is done.
    Done,
    /// The order is no longer the one that was read: read it again.
    Changed,
    /// The voucher is unknown or used.
    VoucherRefused,
}

/// What was issued under one key on one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssuedTotal {
    /// What each token is worth.
    pub denomination: Denomination,
    /// Tokens.
    pub tokens: u64,
    /// Orders.
    pub orders: u64,
}

impl Record for IssuedTotal {
    const KIND: &'static str = "issued total";
    const VERSION: u8 = 1;
}

/// How many unpaid orders expire on a day.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PendingCount {
    orders: u64,
}

impl Record for PendingCount {
    const KIND: &'static str = "count of pending orders";
    const VERSION: u8 = 1;
}
