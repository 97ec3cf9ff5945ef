use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use farthing_api::{Base64Url, TokenResult};
use farthing_protocol::Day;
use farthing_service::backup::{BackupFile, back_up, check};
use farthing_service::birth::{ServiceKind, TrustedKeys};
use farthing_service::embedded::EmbeddedStore;
use farthing_service::environment::Environment;
use farthing_service::pinned_keys::{PinOutcome, PinnedKey, PinnedKeys};
use farthing_service::redis::test_server::TestServer;

use super::*;
use crate::publishers::{Identity, Publisher, PublisherId};
use crate::store::conformance::{
    Store, adjustment, closing, genuine, key_facts, paying, redemption, results, reversing,
};
use crate::store::embedded::{EmbeddedCopies, EmbeddedRebuild};
use crate::store::redis::RedisRebuild;
use crate::store::{Ledger, Paid, Payouts, PinsWithSets, Publishers, RedeemerBooks, Reversed, Statements};
use crate::test_tokens::NOW;

const TIMEOUT: Duration = Duration::from_secs(30);
/// Tasks that redeem at once.
const REDEEMING: u32 = 6;
const BACKUPS: usize = 4;

pub(super) async fn open(server: &TestServer) -> RedisStore {
    let environment = Environment::production();
    RedisStore::open(server.deployment(), ServiceKind::Redeemer, TIMEOUT, environment).await.unwrap()
}

/// A store with a publisher and keys 0, 1 and 2 of this capacity.
pub(super) async fn made(server: &TestServer, capacity: u64, groups: u8) -> RedisStore {
    let birth = Birth::new(ServiceKind::Redeemer, NOW, TrustedKeys::None).unwrap().with_groups(groups);
    RedisStore::create(&server.deployment(), &birth, TIMEOUT).await.unwrap();
    let store = open(server).await;
    let (id, created) = (PublisherId::from_bytes([1; 16]), Day::from_unix(NOW));
    let identity = Identity::Known { name: "Daily".parse().unwrap(), payout_reference: None };
    store.add(Publisher { id, identity, created, keys: Vec::new() }).await.unwrap();
    let pinned = [0, 1, 2].map(|key| PinnedKey {
        token_key_id: Base64Url(key_facts(key).id.to_bytes()),
        name: format!("key-{key}"),
        digest: Base64Url([key; 32]),
        redeem_until: Day::from_unix(NOW).plus(100),
        capacity,
        revoked: false,
    });
    let shared = Arc::new(store.clone());
    let pins = PinsWithSets::new(shared.clone(), shared);
    assert_eq!(pins.pin(pinned.to_vec()).await.unwrap(), PinOutcome::Pinned);
    store
}

/// Redeems without end, a token of key 0 and one of key 1 at a time, and takes note of what was taken.
async fn redeem(store: RedisStore, next: Arc<AtomicU32>, taken: Arc<Mutex<Vec<u32>>>, stop: Arc<AtomicBool>) {
    while !stop.load(Ordering::Relaxed) {
        let number = next.fetch_add(1, Ordering::Relaxed);
        let tokens = vec![genuine(0, number), genuine(1, number)];
        let name = format!("redemption-{number}");
        assert_eq!(results(&store, redemption(&name, true, tokens)).await, [TokenResult::Accepted; 2]);
        taken.lock().unwrap().push(number);
    }
}

pub(super) async fn restored_to_redis(file: BackupFile, groups: u8) -> (TestServer, RedisStore) {
    let server = TestServer::start().unwrap();
    let birth = file.origin().birth.restored(NOW, NOW + 1).unwrap().with_groups(groups);
    let rebuild = Box::new(RedisRebuild::default());
    RedisStore::restore(&server.deployment(), &birth, TIMEOUT, file, rebuild, Environment::production())
        .await
        .unwrap();
    let store = open(&server).await;
    (server, store)
}

pub(super) fn restored_to_embedded(backup: &Path, file: &BackupFile) -> EmbeddedStore {
    let birth = file.origin().birth.restored(NOW, NOW + 1).unwrap().with_groups(1);
    let path = backup.with_extension("db");
    EmbeddedStore::restore(&path, &birth, file, &mut EmbeddedRebuild::default()).unwrap();
    EmbeddedStore::open(&path, ServiceKind::Redeemer, TIMEOUT, Environment::production()).unwrap()
}

/// Backs a store up again and again while tokens are being redeemed; `restore` has the backup and the tokens that were
/// taken before it was begun.
pub(super) async fn back_up_in_use(capacity: u64, groups: u8, mut restore: impl AsyncFnMut(&Path, Vec<u32>)) {
    let (server, directory) = (TestServer::start().unwrap(), tempfile::tempdir().unwrap());
    let store = made(&server, capacity, groups).await;
    let (next, taken) = (Arc::new(AtomicU32::new(0)), Arc::new(Mutex::new(Vec::new())));
    let stop = Arc::new(AtomicBool::new(false));
    let redeeming: Vec<_> = (0..REDEEMING)
        .map(|_| tokio::spawn(redeem(store.clone(), next.clone(), taken.clone(), stop.clone())))
        .collect();
    let copies = RedisCopies(store.clone());
    for number in 0..BACKUPS {
        let before = taken.lock().unwrap().clone();
        let path = directory.path().join(number.to_string());
        let records = back_up(&copies, store.birth(), &path, None, NOW).await.unwrap();
        assert!(records >= 2 * before.len() as u64);
        restore(&path, before).await;
    }
    // The store itself is in order all the while.
    assert_eq!(check::<RedeemerBooks>(&copies, NOW).await.unwrap(), Findings::new());
    stop.store(true, Ordering::Relaxed);
    for task in redeeming {
        task.await.unwrap();
    }
}

/// Every token that was taken before a backup was begun is spent in what was restored from it.
pub(super) async fn assert_spent(restored: &impl Store, taken: &[u32]) {
    for some in taken.chunks(400) {
        let tokens: Vec<_> =
            some.iter().flat_map(|number| [genuine(0, *number), genuine(1, *number)]).collect();
        let all = vec![TokenResult::Spent; tokens.len()];
        assert_eq!(results(restored, redemption("again", false, tokens)).await, all);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_of_a_store_in_use_adds_up_in_redis() {
    // A key of small capacity has few buckets, and its marks are short.
    for capacity in [1_000, 100_000] {
        back_up_in_use(capacity, 1, async |path, before| {
            let file = BackupFile::open(path, None, ServiceKind::Redeemer).unwrap();
            let (_server, restored) = restored_to_redis(file, 1).await;
            let copies = RedisCopies(restored.clone());
            assert_eq!(check::<RedeemerBooks>(&copies, NOW).await.unwrap(), Findings::new());
            assert_spent(&restored, &before).await;
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_of_a_store_in_use_adds_up_in_the_embedded_store() {
    back_up_in_use(100_000, 1, async |path, before| {
        let file = BackupFile::open(path, None, ServiceKind::Redeemer).unwrap();
        let restored = restored_to_embedded(path, &file);
        let copies = EmbeddedCopies(restored.clone());
        assert_eq!(check::<RedeemerBooks>(&copies, NOW).await.unwrap(), Findings::new());
        assert_spent(&restored, &before).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn short_marks_are_refused_by_the_embedded_store() {
    let (server, directory) = (TestServer::start().unwrap(), tempfile::tempdir().unwrap());
    let store = made(&server, 1_000, 1).await;
    results(&store, redemption("one", true, vec![genuine(0, 1)])).await;
    let path = directory.path().join("backup");
    back_up(&RedisCopies(store.clone()), store.birth(), &path, None, NOW).await.unwrap();
    let file = BackupFile::open(&path, None, ServiceKind::Redeemer).unwrap();
    let database = directory.path().join("redeemer.db");
    let refused = EmbeddedStore::restore(&database, store.birth(), &file, &mut EmbeddedRebuild::default());
    let error = refused.unwrap_err().to_string();
    assert!(error.contains("restore it into Redis") && !database.exists(), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_and_statements_go_from_one_kind_of_store_to_the_other_and_back() {
    let (server, directory) = (TestServer::start().unwrap(), tempfile::tempdir().unwrap());
    let store = made(&server, 100_000, 1).await;
    results(&store, redemption("one", true, vec![genuine(0, 1), genuine(0, 2)])).await;
    store.adjust(adjustment(1, 3)).await.unwrap();
    let closed = store.close(closing(1)).await.unwrap().remove(0);
    let Paid::Done(payout) = store.pay(paying(1, closed.id())).await.unwrap() else { panic!() };
    assert!(matches!(store.reverse(reversing(payout.id)).await.unwrap(), Reversed::Done(_)));
    store.adjust(adjustment(2, 5)).await.unwrap();
    let publisher = PublisherId::from_bytes([1; 16]);
    let (entries, statements) =
        (store.entries(publisher).await.unwrap(), store.statements(publisher).await.unwrap());
    let payouts = store.payouts(publisher).await.unwrap();

    let backup = directory.path().join("of-redis");
    back_up(&RedisCopies(store.clone()), store.birth(), &backup, None, NOW).await.unwrap();
    let file = BackupFile::open(&backup, None, ServiceKind::Redeemer).unwrap();
    let database = directory.path().join("redeemer.db");
    EmbeddedStore::restore(&database, store.birth(), &file, &mut EmbeddedRebuild::default()).unwrap();
    let environment = Environment::production();
    let embedded = EmbeddedStore::open(&database, ServiceKind::Redeemer, TIMEOUT, environment).unwrap();
    assert_eq!(embedded.entries(publisher).await.unwrap(), entries);
    assert_eq!(embedded.statements(publisher).await.unwrap(), statements);
    assert_eq!(embedded.payouts(publisher).await.unwrap(), payouts);

    let backup = directory.path().join("of-embedded");
    let copies = EmbeddedCopies(embedded.clone());
    back_up(&copies, embedded.birth(), &backup, None, NOW).await.unwrap();
    let file = BackupFile::open(&backup, None, ServiceKind::Redeemer).unwrap();
    let (_server, restored) = restored_to_redis(file, 1).await;
    assert_eq!(restored.entries(publisher).await.unwrap(), entries);
    assert_eq!(restored.statements(publisher).await.unwrap(), statements);
    assert_eq!(payouts.len(), 2);
    assert_eq!(restored.payouts(publisher).await.unwrap(), payouts);
}

pub(super) fn command(server: &TestServer, name: &str) {
    ::redis::cmd(name).exec(&mut server.connection().unwrap()).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mark_that_nobody_would_look_for_there_is_found() {
    let server = TestServer::start().unwrap();
    let store = made(&server, 100_000, 1).await;
    results(&store, redemption("one", true, vec![genuine(0, 1), genuine(0, 2)])).await;
    let copies = RedisCopies(store);
    assert_eq!(check::<RedeemerBooks>(&copies, NOW).await.unwrap(), Findings::new());
    let mut connection = server.connection().unwrap();
    let bucket = |number: u32| format!("{{farthing-redeemer}}:marks:1:{number}");
    ::redis::cmd("RENAME").arg(bucket(0)).arg(bucket(1)).exec(&mut connection).unwrap();
    let findings = check::<RedeemerBooks>(&copies, NOW).await.unwrap();
    assert!(findings.iter().any(|finding| finding.contains("fewer marks than it counts")), "{findings:?}");
}
