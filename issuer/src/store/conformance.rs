//! What every backend of the issuer's store must do, run here on the embedded one.

mod pending;

use std::time::Duration;

use farthing_api::Base64Url;
use farthing_protocol::{Day, TokenKeyId};
use farthing_service::birth::{Birth, ServiceKind, TrustedKeys};
use farthing_service::embedded::EmbeddedStore;
use farthing_service::environment::Environment;
use farthing_service::redis::RedisStore;
use farthing_service::redis::test_server::TestServer;

use pending::{
    an_expired_order_is_dropped_after_a_week_a_slice_at_a_time,
    of_many_creations_no_more_than_allowed_are_kept, only_so_many_orders_are_pending,
};

use super::*;
use crate::orders::{Binding, Method, OrderedPack, Progress, Step};
use crate::vouchers::VoucherCode;

/// A store under test.
trait Store: Orders + Vouchers + IssuedTotals + Leftovers + Clone + 'static {}
impl<S: Orders + Vouchers + IssuedTotals + Leftovers + Clone + 'static> Store for S {}

const TODAY: u32 = 20_778;
/// More pending orders than most tests make.
const MOST: u64 = 1_000;

fn day(number: u32) -> Day {
    Day::from_number(number).unwrap()
}

fn order(claim: u8) -> Order {
    Order {
        id: OrderId::random().unwrap(),
        claim: Claim::from_bytes([claim; 32]),
        pack: OrderedPack {
            id: "reader-100".to_owned(),
            count: 100,
            denomination: "EUR-10000".parse().unwrap(),
            price_minor: 100,
        },
        method: Method::Voucher,
        created: day(TODAY),
        expires: day(TODAY + 3),
        progress: Progress::Pending,
        revision: 0,
    }
}

fn binding(byte: u8) -> Binding {
    Binding { request_digest: Base64Url([byte; 32]), token_key_id: TokenKeyId::from_bytes([7; 32]) }
}

fn counted(number: u32) -> Along {
    Along::CountIssued { key: TokenKeyId::from_bytes([7; 32]), day: day(number) }
}

async fn voucher(store: &impl Store) -> VoucherHash {
    let hash = VoucherCode::random().unwrap().hash();
    let voucher = Voucher { pack: "reader-100".to_owned(), minted: day(TODAY), used_by: None };
    store.mint(vec![(hash, voucher)]).await.unwrap();
    hash
}

/// An order that is paid by a voucher of its own.
async fn paid(store: &impl Store, claim: u8) -> Order {
    let order = order(claim);
    assert_eq!(store.create(order.clone(), MOST).await.unwrap(), Created::New);
    let paid = order.advance(Step::Pay, day(TODAY)).unwrap();
    let along = Along::UseVoucher(voucher(store).await);
    assert_eq!(store.replace(&order, &paid, along).await.unwrap(), Replaced::Done);
    paid
}

async fn a_claim_owns_one_order(store: impl Store) {
    let first = order(1);
    assert_eq!(store.create(first.clone(), MOST).await.unwrap(), Created::New);
    let second = Order { pack: OrderedPack { id: "other".to_owned(), ..first.pack.clone() }, ..order(1) };
    assert_eq!(store.create(second.clone(), MOST).await.unwrap(), Created::Claimed(first.clone()));
    assert_eq!(store.by_claim(first.claim).await.unwrap(), Some(first.clone()));
    assert_eq!(store.by_id(first.id).await.unwrap(), Some(first));
    assert_eq!(store.by_id(second.id).await.unwrap(), None);
    assert_eq!(store.by_claim(Claim::from_bytes([2; 32])).await.unwrap(), None);
}

async fn of_many_creations_one_is_new(store: impl Store) {
    let creations: Vec<_> = (0..32)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move { store.create(order(1), MOST).await.unwrap() })
        })
        .collect();
    let mut new = 0;
    for creation in creations {
        new += usize::from(creation.await.unwrap() == Created::New);
    }
    assert_eq!(new, 1);
}

async fn an_order_is_replaced_only_by_who_saw_it(store: impl Store) {
    let paid = paid(&store, 1).await;
    let stale = Order { revision: 0, ..paid.clone() };
    let issued = paid.advance(Step::Issue(binding(1)), day(TODAY)).unwrap();
    assert_eq!(store.replace(&stale, &issued, counted(TODAY)).await.unwrap(), Replaced::Changed);
    assert_eq!(store.by_claim(paid.claim).await.unwrap(), Some(paid.clone()));
    assert!(store.totals().await.unwrap().is_empty(), "what goes along is not done either");
    assert_eq!(store.replace(&paid, &issued, counted(TODAY)).await.unwrap(), Replaced::Done);
    assert_eq!(store.by_id(paid.id).await.unwrap(), Some(issued));
    let never = order(9);
    assert_eq!(store.replace(&never, &never, counted(TODAY)).await.unwrap(), Replaced::Changed);
}

async fn of_many_bindings_exactly_one_holds(store: impl Store) {
    let paid = paid(&store, 1).await;
    let bindings: Vec<_> = (0..64)
        .map(|byte| {
            let (store, paid) = (store.clone(), paid.clone());
            tokio::spawn(async move {
                let issued = paid.advance(Step::Issue(binding(byte)), day(TODAY)).unwrap();
                (byte, store.replace(&paid, &issued, counted(TODAY)).await.unwrap())
            })
        })
        .collect();
    let mut winners = Vec::new();
    for tried in bindings {
        let (byte, replaced) = tried.await.unwrap();
        match replaced {
            Replaced::Done => winners.push(byte),
            other => assert_eq!(other, Replaced::Changed),
        }
    }
    let [winner] = winners[..] else { panic!("{winners:?}") };
    assert_eq!(store.by_claim(paid.claim).await.unwrap().unwrap().binding(), Some(binding(winner)));
    let [(_, _, total)] = store.totals().await.unwrap()[..] else { panic!() };
    assert_eq!((total.tokens, total.orders), (100, 1));
}

async fn of_many_orders_one_is_paid_by_a_voucher(store: impl Store) {
    let hash = voucher(&store).await;
    let payments: Vec<_> = (0..32)
        .map(|claim| {
            let store = store.clone();
            tokio::spawn(async move {
                let order = order(claim);
                store.create(order.clone(), MOST).await.unwrap();
                let paid = order.advance(Step::Pay, day(TODAY)).unwrap();
                (order, store.replace(&order_of(&paid), &paid, Along::UseVoucher(hash)).await.unwrap())
            })
        })
        .collect();
    let mut payers = Vec::new();
    for payment in payments {
        let (order, replaced) = payment.await.unwrap();
        let stored = store.by_id(order.id).await.unwrap().unwrap();
        match replaced {
            Replaced::Done => {
                assert_eq!(stored.progress, Progress::Paid);
                payers.push(order.id);
            }
            other => {
                assert_eq!(other, Replaced::VoucherRefused);
                assert_eq!(stored, order);
            }
        }
    }
    assert_eq!(payers.len(), 1);
    assert_eq!(store.find(hash).await.unwrap().unwrap().used_by, Some(payers[0]));
}

/// The order before its first step.
fn order_of(paid: &Order) -> Order {
    Order { progress: Progress::Pending, revision: 0, ..paid.clone() }
}

async fn an_unknown_voucher_pays_nothing(store: impl Store) {
    let order = order(1);
    store.create(order.clone(), MOST).await.unwrap();
    let paid = order.advance(Step::Pay, day(TODAY)).unwrap();
    let hash = VoucherCode::random().unwrap().hash();
    assert_eq!(store.find(hash).await.unwrap(), None);
    let refused = store.replace(&order, &paid, Along::UseVoucher(hash)).await.unwrap();
    assert_eq!(refused, Replaced::VoucherRefused);
    assert_eq!(store.by_id(order.id).await.unwrap(), Some(order));
}

async fn totals_are_kept_by_key_and_day(store: impl Store) {
    for (claim, number) in [(1, TODAY), (2, TODAY), (3, TODAY + 1)] {
        let paid = paid(&store, claim).await;
        let issued = paid.advance(Step::Issue(binding(claim)), day(number)).unwrap();
        assert_eq!(store.replace(&paid, &issued, counted(number)).await.unwrap(), Replaced::Done);
    }
    let totals = store.totals().await.unwrap();
    let seen: Vec<_> =
        totals.iter().map(|(_, day, total)| (day.number(), total.tokens, total.orders)).collect();
    assert_eq!(seen, [(TODAY, 200, 2), (TODAY + 1, 100, 1)]);
    let key = TokenKeyId::from_bytes([7; 32]);
    assert_eq!(store.issued_under(vec![key]).await.unwrap().len(), 3);
    assert!(store.issued_under(vec![TokenKeyId::from_bytes([8; 32])]).await.unwrap().is_empty());
}

fn embedded(directory: &tempfile::TempDir) -> EmbeddedStore {
    let path = directory.path().join("issuer.db");
    EmbeddedStore::create(&path, &Birth::new(ServiceKind::Issuer, 1, TrustedKeys::None).unwrap()).unwrap();
    EmbeddedStore::open(&path, ServiceKind::Issuer, Duration::from_secs(20), Environment::production())
        .unwrap()
}

async fn redis(server: &TestServer) -> RedisStore {
    let timeout = Duration::from_secs(20);
    let birth = Birth::new(ServiceKind::Issuer, 1, TrustedKeys::None).unwrap();
    RedisStore::create(&server.deployment(), &birth, timeout).await.unwrap();
    let environment = Environment::production();
    RedisStore::open(server.deployment(), ServiceKind::Issuer, timeout, environment).await.unwrap()
}

macro_rules! conformance {
    ($($case:ident),* $(,)?) => {
        mod on_embedded {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $case() {
                let directory = tempfile::tempdir().unwrap();
                super::$case(super::embedded(&directory)).await;
            })*
        }

        mod on_redis {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $case() {
                let server = super::TestServer::start().unwrap();
                super::$case(super::redis(&server).await).await;
            })*
        }
    };
}

conformance! {
    a_claim_owns_one_order,
    of_many_creations_one_is_new,
    an_order_is_replaced_only_by_who_saw_it,
    of_many_bindings_exactly_one_holds,
    of_many_orders_one_is_paid_by_a_voucher,
    an_unknown_voucher_pays_nothing,
    totals_are_kept_by_key_and_day,
    only_so_many_orders_are_pending,
    of_many_creations_no_more_than_allowed_are_kept,
    an_expired_order_is_dropped_after_a_week_a_slice_at_a_time,
}

#[tokio::test]
async fn a_newer_record_is_unavailable_not_misread() {
    let directory = tempfile::tempdir().unwrap();
    let store = embedded(&directory);
    let order = order(1);
    store.create(order.clone(), MOST).await.unwrap();
    let claim = order.claim;
    store
        .write(move |transaction| {
            let mut orders = transaction.open_table(farthing_service::embedded::table("orders"))?;
            orders.insert(claim.to_bytes().as_slice(), b"\x02{}".as_slice())?;
            Ok(())
        })
        .await
        .unwrap();
    let refused = store.by_claim(claim).await.unwrap_err().to_string();
    assert!(refused.contains("a record (order) has version 2, this release reads up to 1"), "{refused}");
    assert!(store.create(order, MOST).await.is_err());
}
