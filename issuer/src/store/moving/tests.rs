//! Stores are moved while packs are being bought.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use farthing_api::Base64Url;
use farthing_protocol::{Day, SECONDS_PER_DAY, TokenKeyId};
use farthing_service::backup::{Findings, check};
use farthing_service::birth::{Birth, TrustedKeys};
use farthing_service::environment::Environment;
use farthing_service::migration::{OldStore, leave_embedded, migrate};
use farthing_service::redis::test_server::TestServer;
use farthing_service::store_settings::StoreSettings;
use serde_json::{Value, json};

use super::*;
use crate::orders::{Binding, Claim, Method, Order, OrderId, OrderedPack, Progress, Step};
use crate::store::{Along, Created, Replaced, Stores};
use crate::vouchers::{Voucher, VoucherCode, VoucherHash};

const TODAY: u32 = 20_778;
const NOW: u64 = TODAY as u64 * SECONDS_PER_DAY + 3_600;
const TIMEOUT: Duration = Duration::from_secs(30);
/// Tasks that buy at once.
const BUYING: usize = 4;
/// Orders before a move is begun.
const BEFORE: usize = 60;

fn today() -> Day {
    Day::from_number(TODAY).unwrap()
}

fn order(number: u32) -> Order {
    let mut claim = [0; 32];
    claim[..4].copy_from_slice(&number.to_be_bytes());
    Order {
        id: OrderId::random().unwrap(),
        claim: Claim::from_bytes(claim),
        pack: OrderedPack {
            id: "reader-100".to_owned(),
            count: 100,
            denomination: "EUR-10000".parse().unwrap(),
            price_minor: 100,
        },
        method: Method::Voucher,
        created: today(),
        expires: today().plus(3),
        progress: Progress::Pending,
        revision: 0,
    }
}

/// What was told of each order at last, with the voucher that was meant for it.
#[derive(Default)]
struct Told {
    next: AtomicU32,
    orders: Mutex<Vec<(Order, VoucherHash)>>,
}

impl Told {
    fn note(&self, order: Order, hash: VoucherHash) {
        self.orders.lock().unwrap().push((order, hash));
    }

    /// Buys until the store refuses: one of three orders stays unpaid, one is paid, one is issued.
    async fn buy(&self, stores: Stores) {
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let hash = VoucherCode::random().unwrap().hash();
            let voucher = Voucher { pack: "reader-100".to_owned(), minted: today(), used_by: None };
            if stores.vouchers.mint(vec![(hash, voucher)]).await.is_err() {
                return;
            }
            let order = order(number);
            match stores.orders.create(order.clone(), u64::MAX).await {
                Ok(created) => assert_eq!(created, Created::New),
                Err(_) => return,
            }
            if number.is_multiple_of(3) {
                self.note(order, hash);
                continue;
            }
            let paid = order.advance(Step::Pay, today()).unwrap();
            match stores.orders.replace(&order, &paid, Along::UseVoucher(hash)).await {
                Ok(replaced) => assert_eq!(replaced, Replaced::Done),
                Err(_) => return self.note(order, hash),
            }
            if number % 3 == 1 {
                self.note(paid, hash);
                continue;
            }
            let (issued, along) = issued(&paid);
            match stores.orders.replace(&paid, &issued, along).await {
                Ok(replaced) => assert_eq!(replaced, Replaced::Done),
                Err(_) => return self.note(paid, hash),
            }
            self.note(issued, hash);
        }
    }
}

fn issued(paid: &Order) -> (Order, Along) {
    let key = TokenKeyId::from_bytes([7; 32]);
    let binding = Binding { request_digest: Base64Url([1; 32]), token_key_id: key };
    (paid.advance(Step::Issue(binding), today()).unwrap(), Along::CountIssued { key, day: today() })
}

async fn moves_in_use(table: Value) {
    let settings =
        |table| StoreSettings::new(serde_json::from_value(table).unwrap(), Path::new("/"), TIMEOUT);
    let environment = Environment::production();
    let (old, server) = (settings(table), TestServer::start().unwrap());
    let new = settings(json!({ "kind": "redis", "url": server.url() }));
    old.create(&Birth::new(ServiceKind::Issuer, NOW, TrustedKeys::None).unwrap()).await.unwrap();
    let stores = Stores::open(&old, &environment).await.unwrap();
    let told = Arc::new(Told::default());
    let buying: Vec<_> = (0..BUYING)
        .map(|_| {
            let (told, stores) = (Arc::clone(&told), stores.clone());
            tokio::spawn(async move { told.buy(stores).await })
        })
        .collect();
    let deadline = tokio::time::Instant::now() + TIMEOUT;
    while told.orders.lock().unwrap().len() < BEFORE {
        assert!(tokio::time::Instant::now() < deadline);
        tokio::task::yield_now().await;
    }
    let left: Box<dyn OldStore> = match &stores.embedded {
        Some(store) => leave_embedded::<IssuerTables>(store).await.unwrap(),
        None => old.leave::<IssuerTables>(environment.clone()).await.unwrap(),
    };
    migrate::<IssuerTables>(left, &new, 1, &environment).await.unwrap();
    for task in buying {
        task.await.unwrap();
    }

    let moved = Stores::open(&new, &environment).await.unwrap();
    assert_eq!(check::<IssuerBooks>(&*moved.copies, NOW).await.unwrap(), Findings::new());
    let orders = told.orders.lock().unwrap().clone();
    assert!(orders.len() >= BEFORE);
    for (told, hash) in orders {
        let found = moved.orders.by_claim(told.claim).await.unwrap().unwrap();
        assert_eq!(found, told);
        assert_eq!(moved.orders.by_id(told.id).await.unwrap(), Some(found));
        let voucher = moved.vouchers.find(hash).await.unwrap().unwrap();
        assert_eq!(voucher.used_by, told.is_paid().then_some(told.id));
        // The order goes on from where it was, and no other is paid by its voucher.
        match told.progress {
            Progress::Pending => {
                let paid = told.advance(Step::Pay, today()).unwrap();
                let along = Along::UseVoucher(hash);
                assert_eq!(moved.orders.replace(&told, &paid, along).await.unwrap(), Replaced::Done);
            }
            Progress::Paid => {
                let (issued, along) = issued(&told);
                assert_eq!(moved.orders.replace(&told, &issued, along).await.unwrap(), Replaced::Done);
            }
            Progress::Issued(_) => {}
        }
        let other = order(told.revision + 1_000_000 + u32::from(told.is_paid()));
        moved.orders.create(other.clone(), u64::MAX).await.unwrap();
        let paid = other.advance(Step::Pay, today()).unwrap();
        let refused = moved.orders.replace(&other, &paid, Along::UseVoucher(hash)).await.unwrap();
        assert_ne!(refused, Replaced::Done);
    }
    assert_eq!(check::<IssuerBooks>(&*moved.copies, NOW).await.unwrap(), Findings::new());
    assert!(stores.totals.totals().await.unwrap_err().in_public().contains("was moved"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_embedded_store_in_use_moves_to_redis() {
    let directory = tempfile::tempdir().unwrap();
    moves_in_use(json!({ "kind": "embedded", "path": directory.path().join("issuer.db") })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_on_redis_in_use_moves_to_another_server() {
    let server = TestServer::start().unwrap();
    moves_in_use(json!({ "kind": "redis", "url": server.url() })).await;
}
