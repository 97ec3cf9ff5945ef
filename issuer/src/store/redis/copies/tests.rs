use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use farthing_api::Base64Url;
use farthing_protocol::{SECONDS_PER_DAY, TokenKeyId};
use farthing_service::backup::{BackupFile, back_up, check};
use farthing_service::birth::{ServiceKind, TrustedKeys};
use farthing_service::embedded::EmbeddedStore;
use farthing_service::environment::Environment;
use farthing_service::redis::test_server::TestServer;

use super::*;
use crate::orders::{Binding, Claim, Method, Order, OrderedPack, Progress, Step};
use crate::store::embedded::{EmbeddedCopies, EmbeddedRebuild};
use crate::store::redis::RedisRebuild;
use crate::store::{Along, Created, IssuerBooks, Orders, Replaced, Vouchers};
use crate::vouchers::VoucherCode;

const TODAY: u32 = 20_778;
const NOW: u64 = TODAY as u64 * SECONDS_PER_DAY + 3_600;
const TIMEOUT: Duration = Duration::from_secs(30);
/// Tasks that order at once.
const ORDERING: usize = 3;
const BACKUPS: usize = 3;

async fn open(server: &TestServer) -> RedisStore {
    let environment = Environment::production();
    RedisStore::open(server.deployment(), ServiceKind::Issuer, TIMEOUT, environment).await.unwrap()
}

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

/// Makes one order after the other; two of three are paid, and one of three is issued.
async fn buy(store: RedisStore, next: Arc<AtomicU32>, stop: Arc<AtomicBool>) {
    while !stop.load(Ordering::Relaxed) {
        let number = next.fetch_add(1, Ordering::Relaxed);
        let hash = VoucherCode::random().unwrap().hash();
        let voucher = Voucher { pack: "reader-100".to_owned(), minted: today(), used_by: None };
        store.mint(vec![(hash, voucher)]).await.unwrap();
        let order = order(number);
        assert_eq!(store.create(order.clone(), u64::MAX).await.unwrap(), Created::New);
        if number.is_multiple_of(3) {
            continue;
        }
        let paid = order.advance(Step::Pay, today()).unwrap();
        assert_eq!(store.replace(&order, &paid, Along::UseVoucher(hash)).await.unwrap(), Replaced::Done);
        if number % 3 == 1 {
            continue;
        }
        let key = TokenKeyId::from_bytes([u8::try_from(number % 2).unwrap(); 32]);
        let binding = Binding { request_digest: Base64Url([1; 32]), token_key_id: key };
        let issued = paid.advance(Step::Issue(binding), today()).unwrap();
        let along = Along::CountIssued { key, day: today() };
        assert_eq!(store.replace(&paid, &issued, along).await.unwrap(), Replaced::Done);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_of_a_store_in_use_adds_up_in_either_kind() {
    let (server, directory) = (TestServer::start().unwrap(), tempfile::tempdir().unwrap());
    let birth = Birth::new(ServiceKind::Issuer, NOW, TrustedKeys::None).unwrap();
    RedisStore::create(&server.deployment(), &birth, TIMEOUT).await.unwrap();
    let store = open(&server).await;
    let (next, stop) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicBool::new(false)));
    let buying: Vec<_> =
        (0..ORDERING).map(|_| tokio::spawn(buy(store.clone(), next.clone(), stop.clone()))).collect();
    let copies = RedisCopies(store.clone());
    assert_eq!(check::<IssuerBooks>(&copies, NOW).await.unwrap(), Findings::new(), "in use");
    for number in 0..BACKUPS {
        let path = directory.path().join(number.to_string());
        back_up(&copies, &birth, &path, None, NOW).await.unwrap();
        let file = BackupFile::open(&path, None, ServiceKind::Issuer).unwrap();
        let restored = birth.restored(NOW, NOW + 1).unwrap();
        let database = path.with_extension("db");
        EmbeddedStore::restore(&database, &restored, &file, &mut EmbeddedRebuild::default()).unwrap();
        let environment = Environment::production();
        let embedded = EmbeddedStore::open(&database, ServiceKind::Issuer, TIMEOUT, environment).unwrap();
        assert_eq!(check::<IssuerBooks>(&EmbeddedCopies(embedded), NOW).await.unwrap(), Findings::new());

        let other = TestServer::start().unwrap();
        let rebuild = Box::new(RedisRebuild::default());
        RedisStore::restore(
            &other.deployment(),
            &restored,
            TIMEOUT,
            file,
            rebuild,
            Environment::production(),
        )
        .await
        .unwrap();
        let in_redis = RedisCopies(open(&other).await);
        assert_eq!(check::<IssuerBooks>(&in_redis, NOW).await.unwrap(), Findings::new());
    }
    stop.store(true, Ordering::Relaxed);
    for task in buying {
        task.await.unwrap();
    }
    assert_eq!(check::<IssuerBooks>(&copies, NOW).await.unwrap(), Findings::new());
}
