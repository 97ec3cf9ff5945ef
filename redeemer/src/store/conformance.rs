//! What every store must do, whichever it is: each check gets a fresh store and holds it to its traits.

mod accounting;
mod counting;
mod damage;
mod keeping;
mod publishers;
mod redeeming;

use std::sync::Arc;

use async_trait::async_trait;
use farthing_api::{BalanceEntry, Base64Url, TokenResult};
use farthing_protocol::{Authenticator, Day, SECONDS_PER_DAY, TokenKeyId};
use farthing_service::pinned_keys::{PinOutcome, PinnedKey, PinnedKeys};

use super::{
    Adjusted, KeptAnswers, Ledger, Leftovers, NewSet, Paid, Payouts, PinsWithSets, PublisherAdded,
    PublisherChanged, Publishers, Redeemed, RedeemedTotals, Redemption, Reversed, Slice, SpentTokens,
    Statements,
};
use crate::ledger::{
    Adjustment, Closing, EntryId, NotPaid, NotReversed, Paying, Reversing, Statement, StatementId,
};
use crate::publishers::{
    ApiKey, ApiKeyRecord, Identity, NewPayoutReference, NotChanged, Owed, Publisher, PublisherChange,
    PublisherId,
};
use crate::redemption::{
    IdempotencyKey, IdempotencyMac, IdempotencySecret, Judged, KeyFacts, RedemptionRequest, RequestMac,
    SpentMark, SubmittedToken,
};
use crate::test_tokens::NOW;

pub use accounting::*;
pub use counting::*;
pub use damage::*;
pub use keeping::*;
pub use publishers::*;
pub use redeeming::*;

use TokenResult::{Accepted, Expired, Invalid, NotTried, Spent};

/// Everything that the redeemer asks of one store.
pub trait Store:
    SpentTokens
    + Leftovers
    + KeptAnswers
    + Publishers
    + Ledger
    + Statements
    + Payouts
    + RedeemedTotals
    + PinnedKeys
    + 'static
{
}

impl<S> Store for S where
    S: SpentTokens
        + Leftovers
        + KeptAnswers
        + Publishers
        + Ledger
        + Statements
        + Payouts
        + RedeemedTotals
        + PinnedKeys
        + 'static
{
}

/// A fresh store, and ways to damage it.
#[async_trait]
pub trait Fixture {
    type Store: Store;

    async fn fresh() -> Self;
    fn store(&self) -> Arc<Self::Store>;
    /// Gives every record the version after the newest that this release knows.
    async fn raise_versions(&self);
    /// Takes the birth record away.
    async fn lose_birth(&self);
}

/// A test of each check for the fixture `$fixture`.
macro_rules! conformance {
    ($fixture:ty) => {
        $crate::store::conformance::conformance!($fixture:
            one_of_many_spends_wins,
            atomic_takes_all_or_none,
            per_token_takes_what_it_can,
            an_equal_request_is_replayed_and_another_refused,
            equal_requests_at_once_spend_once,
            answers_are_kept_for_their_time,
            a_set_that_is_missing_is_never_empty,
            ended_sets_are_closed_for_ever,
            credit_is_summed_by_currency,
            adjustments_are_kept_once,
            statements_are_closed_once_and_stay,
            statements_closed_at_once_state_everything_once,
            a_statement_is_paid_once,
            a_payout_is_reversed_once_and_due_again,
            totals_are_counted_by_key_and_day,
            publishers_and_their_keys,
            publishers_are_known_by_another_name_and_erased,
            pins_stay,
            a_newer_record_is_unavailable,
            a_store_without_birth_is_unavailable,
        );
    };
    ($fixture:ty: $($check:ident,)*) => {
        $(#[tokio::test(flavor = "multi_thread")]
        async fn $check() {
            $crate::store::conformance::$check::<$fixture>().await;
        })*
    };
}
pub(super) use conformance;

const REDEEM_UNTIL: u32 = 20_778 + 112;

pub fn key_facts(number: u8) -> KeyFacts {
    let denomination = ["EUR-10000", "EUR-20000", "USD-5000"][usize::from(number) % 3].parse().unwrap();
    KeyFacts { id: TokenKeyId::from_bytes([number; 32]), denomination }
}

pub fn publisher(number: u8) -> PublisherId {
    PublisherId::from_bytes([number; 16])
}

fn mark(number: u32) -> SpentMark {
    let mut bytes = [0; 64];
    // The first bytes tell the bucket, the last of those that are kept the group.
    bytes[..4].copy_from_slice(&number.to_be_bytes());
    bytes[12..16].copy_from_slice(&number.to_be_bytes());
    SpentMark::of(&Authenticator::from_bytes(bytes))
}

pub fn genuine(key: usize, number: u32) -> Judged {
    Judged::Genuine { key, mark: mark(number) }
}

pub fn idempotency(key: &str) -> IdempotencyMac {
    let key = IdempotencyKey::parse(key.as_bytes()).unwrap();
    IdempotencySecret::from_bytes(&[1; 32]).key_mac(publisher(0), &key)
}

fn request_mac(text: &str) -> RequestMac {
    let tokens = vec![SubmittedToken::Malformed(text.to_owned())];
    IdempotencySecret::from_bytes(&[1; 32]).request_mac(&RedemptionRequest { tokens, atomic: true })
}

/// A redemption by publisher 1 of these tokens of keys 0, 1 and 2, under its own key.
pub fn redemption(key: &str, atomic: bool, tokens: Vec<Judged>) -> Redemption {
    Redemption {
        publisher: publisher(1),
        key: idempotency(key),
        request: request_mac(&format!("{key} {atomic} {}", tokens.len())),
        atomic,
        tokens,
        keys: [0, 1, 2].map(key_facts).to_vec(),
        now: NOW,
    }
}

pub fn new_set(key: u8, redeem_until: u32) -> NewSet {
    NewSet { key: key_facts(key).id, redeem_until: Day::from_number(redeem_until).unwrap(), capacity: 1_000 }
}

async fn with_sets<F: Fixture>() -> (F, Arc<F::Store>) {
    let fixture = F::fresh().await;
    let store = fixture.store();
    store.open_sets([0, 1, 2].map(|key| new_set(key, REDEEM_UNTIL)).to_vec()).await.unwrap();
    (fixture, store)
}

pub async fn results(store: &impl Store, redemption: Redemption) -> Vec<TokenResult> {
    match store.redeem(redemption).await.unwrap() {
        Redeemed::Done(answer) => answer.results,
        other => panic!("{other:?}"),
    }
}

/// Repeats a redemption as a publisher does who hears 503: a store may leave it to others to finish what they hold.
async fn until_answered(store: &impl Store, redemption: Redemption) -> Redeemed {
    let deadline = std::time::Instant::now() + std::time::Duration::from_mins(1);
    loop {
        match store.redeem(redemption.clone()).await {
            Ok(redeemed) => return redeemed,
            Err(cause) => assert!(std::time::Instant::now() < deadline, "{cause}"),
        }
    }
}

pub async fn credit(store: &impl Store, of: PublisherId) -> Vec<BalanceEntry> {
    store.entries(of).await.unwrap().credit().unwrap()
}

async fn euro_tokens(store: &impl Store) -> u64 {
    let balance = credit(store, publisher(1)).await;
    balance.iter().filter(|entry| entry.currency == "EUR").map(|entry| entry.tokens).sum()
}
