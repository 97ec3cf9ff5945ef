use std::sync::atomic::{AtomicBool, Ordering};

use redb::TableDefinition;

use super::*;
use crate::birth::TrustedKeys;

const NUMBERS: TableDefinition<'_, u64, u64> = TableDefinition::new("numbers");
const SECOND: Duration = Duration::from_secs(10);

fn birth(service: ServiceKind) -> Birth {
    Birth::new(service, 1_000, TrustedKeys::None).unwrap()
}

fn open(path: &Path) -> Result<EmbeddedStore, OpenError> {
    EmbeddedStore::open(path, ServiceKind::Issuer, SECOND, Environment::production())
}

fn made(directory: &tempfile::TempDir) -> EmbeddedStore {
    let path = directory.path().join("store.db");
    EmbeddedStore::create(&path, &birth(ServiceKind::Issuer)).unwrap();
    open(&path).unwrap()
}

async fn put(store: &EmbeddedStore, key: u64) -> Result<(), Unavailable> {
    store.write(move |transaction| Ok(transaction.open_table(NUMBERS)?.insert(key, key).map(|_| ())?)).await
}

async fn count(store: &EmbeddedStore) -> Result<u64, Unavailable> {
    use redb::ReadableTableMetadata;
    store.read(|transaction| Ok(transaction.open_table(NUMBERS)?.len()?)).await
}

#[tokio::test]
async fn what_was_answered_is_there_after_reopening() {
    let directory = tempfile::tempdir().unwrap();
    let store = made(&directory);
    let writes: Vec<_> = (0..300)
        .map(|key| {
            let store = store.clone();
            tokio::spawn(async move { put(&store, key).await })
        })
        .collect();
    for write in writes {
        write.await.unwrap().unwrap();
    }
    drop(store);
    let deadline = std::time::Instant::now() + SECOND;
    let store = loop {
        match open(&directory.path().join("store.db")) {
            Ok(store) => break store,
            Err(OpenError::Busy(_)) if std::time::Instant::now() < deadline => tokio::task::yield_now().await,
            Err(error) => panic!("{error}"),
        }
    };
    assert_eq!(count(&store).await.unwrap(), 300);
}

#[tokio::test]
async fn a_job_that_fails_undoes_its_whole_group() {
    let directory = tempfile::tempdir().unwrap();
    let store = made(&directory);
    put(&store, 1).await.unwrap();
    let hold = Arc::new(AtomicBool::new(true));
    let blocker = Arc::clone(&hold);
    let first = store.write(move |_| {
        while blocker.load(Ordering::Acquire) {
            std::thread::yield_now();
        }
        Ok(())
    });
    let good = put(&store, 2);
    let bad = store.write::<(), _>(|transaction| {
        transaction.open_table(NUMBERS)?.insert(3, 3)?;
        Err(Fault::because("a defect"))
    });
    let panicking = store.write::<(), _>(|_| panic!("a defect that panics"));
    let release = async { hold.store(false, Ordering::Release) };
    let (_, good, bad, (), panicking) = tokio::join!(first, good, bad, release, panicking);
    assert!(bad.is_err() && panicking.is_err());
    // Whether the good job shared the bad one's group or not, what it was told is what is there.
    assert_eq!(count(&store).await.unwrap(), 1 + u64::from(good.is_ok()));
    put(&store, 4).await.unwrap();
}

#[tokio::test]
async fn a_slow_store_is_unavailable_in_time_and_usable_afterwards() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    EmbeddedStore::create(&path, &birth(ServiceKind::Issuer)).unwrap();
    let timeout = Duration::from_millis(50);
    let store = EmbeddedStore::open(&path, ServiceKind::Issuer, timeout, Environment::production()).unwrap();
    let hold = Arc::new(AtomicBool::new(true));
    let blocker = Arc::clone(&hold);
    let slow = store.write(move |_| {
        while blocker.load(Ordering::Acquire) {
            std::thread::yield_now();
        }
        Ok(())
    });
    assert!(slow.await.is_err());
    hold.store(false, Ordering::Release);
    let deadline = std::time::Instant::now() + SECOND;
    while put(&store, 1).await.is_err() {
        assert!(std::time::Instant::now() < deadline);
    }
}

#[tokio::test]
async fn a_removed_or_replaced_file_is_unavailable_not_empty() {
    let directory = tempfile::tempdir().unwrap();
    let store = made(&directory);
    put(&store, 1).await.unwrap();
    let path = directory.path().join("store.db");
    std::fs::rename(&path, directory.path().join("elsewhere")).unwrap();
    assert!(put(&store, 2).await.is_err());
    assert!(count(&store).await.is_err());
    EmbeddedStore::create(&path, &birth(ServiceKind::Issuer)).unwrap();
    assert!(put(&store, 2).await.is_err());
    std::fs::rename(directory.path().join("elsewhere"), &path).unwrap();
    put(&store, 2).await.unwrap();
}

#[test]
fn stores_that_are_not_there_not_ours_or_in_use_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("data/store.db");
    let refused = |path: &Path| open(path).err().unwrap();
    assert!(matches!(refused(&path), OpenError::Missing { .. }));
    EmbeddedStore::create(&path, &birth(ServiceKind::Redeemer)).unwrap();
    assert!(matches!(refused(&path), OpenError::OtherService { found: "redeemer", expected: "issuer", .. }));
    assert!(matches!(
        EmbeddedStore::create(&path, &birth(ServiceKind::Issuer)).unwrap_err(),
        CreateError::Exists(_)
    ));
    let mine = directory.path().join("mine.db");
    EmbeddedStore::create(&mine, &birth(ServiceKind::Issuer)).unwrap();
    let _open = open(&mine).unwrap();
    assert!(matches!(refused(&mine), OpenError::Busy(_)));
    let foreign = directory.path().join("foreign.db");
    Database::create(&foreign).unwrap();
    assert!(matches!(refused(&foreign), OpenError::Unborn(_)));
    std::fs::write(directory.path().join("garbage"), b"not a database").unwrap();
    assert!(matches!(refused(&directory.path().join("garbage")), OpenError::Failed { .. }));
}
