//! What the redeemer asks of its store: small questions, each answered at once or not at all.

mod backup_records;
mod books;
mod embedded;
mod moving;
mod pins_with_sets;
mod recorded;
mod redis;
mod stores;

#[cfg(test)]
pub mod conformance;

use std::collections::HashSet;

use async_trait::async_trait;
use farthing_protocol::{Day, Denomination, TokenKeyId};
use farthing_service::record::{self, Record, RecordError};
use farthing_service::unavailable::Unavailable;
use serde::{Deserialize, Serialize};

use crate::ledger::{Adjustment, Closing, Entries, Paying, Payout, Reversing, Statement, StatementId};
use crate::publishers::{ApiKeyHash, NotChanged, Publisher, PublisherChange, PublisherId};
use crate::redemption::{Answer, IdempotencyMac, Judged, KeyFacts, RequestMac};

pub use books::RedeemerBooks;
pub use moving::RedeemerTables;
pub use pins_with_sets::PinsWithSets;
pub use recorded::{Paid, Recorded, Reversed};
pub use stores::{Stores, restore};

/// Days for which a set is kept after its key's `redeem_until`, should a clock have been wrong.
pub const DAYS_KEPT_AFTER_END: u32 = 7;
/// Seconds for which an answer is kept, before it is rounded up to the hour.
pub const ANSWER_KEPT_SECONDS: u64 = 48 * HOUR;

const HOUR: u64 = 3_600;

/// The sets of spent tokens, one a token key.
#[async_trait]
pub trait SpentTokens: Send + Sync {
    /// Opens the set of each of these keys, unless the key has or had one. A token of a key without a set cannot be
    /// redeemed: a set that is missing is never taken for an empty one.
    async fn open_sets(&self, sets: Vec<NewSet>) -> Result<(), Unavailable>;

    /// Compares the tokens with the sets and comes to the result of [`settle`](crate::redemption::settle); marks what
    /// is taken as spent, credits and counts it, and keeps the answer, all in one step. When nothing is taken,
    /// nothing is written.
    async fn redeem(&self, redemption: Redemption) -> Result<Redeemed, Unavailable>;

    /// The answer that is kept under `key` at the unix second `now`.
    async fn kept_answer(&self, key: IdempotencyMac, now: u64) -> Result<Option<KeptAnswer>, Unavailable>;
}

/// What is dropped when its time is over, in slices so that redemptions need not wait.
#[async_trait]
pub trait Leftovers: Send + Sync {
    /// Closes, for ever, the sets of keys that ended [`DAYS_KEPT_AFTER_END`] days before `now`, then drops at most
    /// `limit` marks of closed sets, or parts of them in a store that divides them.
    async fn drop_ended_sets(&self, now: u64, limit: usize) -> Result<Slice, Unavailable>;

    /// Drops at most `limit` answers that are no longer kept at `now`.
    async fn drop_old_answers(&self, now: u64, limit: usize) -> Result<Slice, Unavailable>;

    /// Finishes redemptions that a process has left half done. Those that are still under way are left alone: only what
    /// was unfinished at the previous call too is finished, so calls should be further apart than a redemption takes.
    ///
    /// It is given what the previous call returned, and returns what is unfinished now.
    async fn finish_redemptions(&self, before: Unfinished, now: u64) -> Result<Unfinished, Unavailable>;

    /// Lets the store's files forget what was written together, as far as they can: marks lie beside the credit of a
    /// publisher in a log of writes.
    async fn forget_order(&self) -> Result<(), Unavailable>;
}

/// How much the answers take that are kept.
#[async_trait]
pub trait KeptAnswers: Send + Sync {
    /// How many are in the store, those included whose time is over and that were not dropped yet.
    async fn count_kept_answers(&self) -> Result<u64, Unavailable>;
}

/// Who may redeem.
#[async_trait]
pub trait Publishers: Send + Sync {
    /// Keeps a new publisher.
    async fn add(&self, publisher: Publisher) -> Result<PublisherAdded, Unavailable>;

    /// Every publisher, those included that were erased, as [`Publisher::in_order`] has them.
    async fn list(&self) -> Result<Vec<Publisher>, Unavailable>;

    /// One of them.
    async fn find(&self, publisher: PublisherId) -> Result<Option<Publisher>, Unavailable>;

    /// Changes a publisher as [`Publisher::changed`] says, in one step with the names and API keys by which it is found.
    async fn change(
        &self,
        publisher: PublisherId,
        change: PublisherChange,
    ) -> Result<PublisherChanged, Unavailable>;

    /// The publisher that shows the API key with this hash, if the key is in force.
    async fn by_api_key(&self, hash: ApiKeyHash) -> Result<Option<PublisherId>, Unavailable>;
}

/// What publishers were credited, and the operator's entries beside it.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// Everything in a publisher's ledger.
    async fn entries(&self, publisher: PublisherId) -> Result<Entries, Unavailable>;

    /// The same, as no failover takes it back: for what is signed.
    async fn confirmed_entries(&self, publisher: PublisherId) -> Result<Entries, Unavailable>;

    /// Keeps an entry of the operator's for ever, unless the publisher has one with its id.
    async fn adjust(&self, adjustment: Adjustment) -> Result<Adjusted, Unavailable>;
}

/// What publishers' statements say.
#[async_trait]
pub trait Statements: Send + Sync {
    /// Closes the statements that [`close`](crate::ledger::close) makes of the publisher's entries, all in one step;
    /// returns them: none when nothing came since, or only what waits for a later day than the last that is stated.
    async fn close(&self, closing: Closing) -> Result<Vec<Statement>, Unavailable>;

    /// A publisher's statements by currency, oldest first.
    async fn statements(&self, publisher: PublisherId) -> Result<Vec<Statement>, Unavailable>;

    /// One of them.
    async fn statement(
        &self,
        publisher: PublisherId,
        id: StatementId,
    ) -> Result<Option<Statement>, Unavailable>;
}

/// What was paid of publishers' statements.
#[async_trait]
pub trait Payouts: Send + Sync {
    /// Records a payout for ever, if [`pay`](crate::ledger::pay) allows it, in one step with what that looks at; unless the publisher has one
    /// with its id.
    async fn pay(&self, paying: Paying) -> Result<Paid, Unavailable>;

    /// Reverses a payout for ever, if [`reverse`](crate::ledger::reverse) allows it, unless it was reversed before.
    async fn reverse(&self, reversing: Reversing) -> Result<Reversed, Unavailable>;

    /// A publisher's payouts and what reverses them, oldest first.
    async fn payouts(&self, publisher: PublisherId) -> Result<Vec<Payout>, Unavailable>;
}

/// What was redeemed, by key and day.
#[async_trait]
pub trait RedeemedTotals: Send + Sync {
    /// Every count, in the order of keys and days.
    async fn totals(&self) -> Result<Vec<(TokenKeyId, Day, RedeemedTotal)>, Unavailable>;
}

/// One publisher's judged tokens, to be taken in one step.
#[derive(Debug, Clone)]
pub struct Redemption {
    /// Who is credited.
    pub publisher: PublisherId,
    /// Under which the answer is kept.
    pub key: IdempotencyMac,
    /// What tells the request from others under the same key.
    pub request: RequestMac,
    /// Whether all tokens are taken or none.
    pub atomic: bool,
    /// The tokens, in the request's order.
    pub tokens: Vec<Judged>,
    /// The keys that the genuine ones name.
    pub keys: Vec<KeyFacts>,
    /// Unix seconds. What is kept of it is rounded: the day of the credit, the hour of forgetting the answer.
    pub now: u64,
}

/// A set that is to be opened.
#[derive(Debug, Clone, Copy)]
pub struct NewSet {
    /// The token key whose spent tokens it will hold.
    pub key: TokenKeyId,
    /// First day on which tokens of the key are no longer taken.
    pub redeem_until: Day,
    /// How many tokens are expected, for stores that divide a set into parts.
    pub capacity: u64,
}

/// What became of [`SpentTokens::redeem`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Redeemed {
    /// This is the answer; if anything was taken it is durable.
    Done(Answer),
    /// The same request was answered before, with this; nothing was written.
    Replayed(Answer),
    /// The key stands for another request; nothing was written.
    KeyReused,
}

impl Redeemed {
    /// Whether an answer is kept that was not before: those that credit something are.
    pub const fn is_newly_kept(&self) -> bool {
        matches!(self, Self::Done(answer) if !answer.credited.is_empty())
    }
}

/// What became of [`Publishers::add`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublisherAdded {
    /// It is kept.
    Done,
    /// Another publisher has the name; nothing was written.
    NameTaken,
    /// Another publisher has or had the id; nothing was written.
    IdTaken,
    /// An API key is another publisher's; nothing was written.
    KeyTaken,
}

/// What became of [`Publishers::change`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PublisherChanged {
    /// It is this now.
    Done(Publisher),
    /// No publisher has the id.
    UnknownPublisher,
    /// Another publisher has the name; nothing was written.
    NameTaken,
    /// An API key is another publisher's; nothing was written.
    KeyTaken,
    /// It may not be; nothing was written.
    Refused(NotChanged),
}

/// Redemptions that were under way, or left half done, when somebody looked: random ids.
#[derive(Default)]
pub struct Unfinished(HashSet<[u8; 17]>);

/// What became of [`Ledger::adjust`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Adjusted {
    /// It is kept.
    Done,
    /// The publisher has this entry with the id already; nothing was written.
    Kept(Adjustment),
    /// No publisher has the id.
    UnknownPublisher,
}

/// What one step of [`Leftovers`] achieved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slice {
    /// There is more to drop.
    More,
    /// Nothing is left to drop.
    Last,
}

/// An answer as the store keeps it: only answers that spent something are, for 48 hours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeptAnswer {
    /// The request that it answered.
    pub request: RequestMac,
    /// What was answered.
    pub answer: Answer,
    /// Unix second, at a full hour, from which it is no longer kept.
    pub forget_from: u64,
}

/// When what is kept since `now` is forgotten: after 48 hours, at a full hour.
pub const fn forgotten_from(now: u64) -> u64 {
    now.saturating_add(ANSWER_KEPT_SECONDS).div_ceil(HOUR).saturating_mul(HOUR)
}

impl KeptAnswer {
    /// The answer of a redemption, kept for 48 hours from `now` and to the end of the hour.
    pub fn new(request: RequestMac, answer: Answer, now: u64) -> Self {
        Self { request, answer, forget_from: forgotten_from(now) }
    }

    /// What it means for a redemption under the same key.
    pub fn meets(self, request: &RequestMac) -> Redeemed {
        if self.request == *request { Redeemed::Replayed(self.answer) } else { Redeemed::KeyReused }
    }
}

impl Record for KeptAnswer {
    const KIND: &'static str = "kept answer";
    const VERSION: u8 = 2;

    fn migrate(version: u8, json: &[u8]) -> Result<Self, RecordError> {
        if version != 1 {
            return Err(RecordError::NoMigration { kind: Self::KIND, version });
        }
        // An answer had no day. It is that of the hour in which it was given; of full hours, which were not rounded up, one
        // second a day is taken for the day before.
        let mut kept: serde_json::Value = record::from_json::<Self, _>(json)?;
        let forget_from = kept.get("forget_from").and_then(serde_json::Value::as_u64).unwrap_or(0);
        let day = Day::from_unix(forget_from.saturating_sub(ANSWER_KEPT_SECONDS + 1));
        if let Some(answer) = kept.get_mut("answer").and_then(serde_json::Value::as_object_mut) {
            answer.insert("day".to_owned(), day.to_string().into());
        }
        record::from_json::<Self, _>(kept.to_string().as_bytes())
    }
}

/// What was redeemed under one key on one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RedeemedTotal {
    /// What each token is worth.
    pub denomination: Denomination,
    /// Tokens.
    pub tokens: u64,
}

impl Record for RedeemedTotal {
    const KIND: &'static str = "redeemed total";
    const VERSION: u8 = 1;
}
