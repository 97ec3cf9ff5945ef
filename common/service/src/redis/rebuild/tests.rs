use std::path::Path;

use super::super::Call;
use super::super::new_store::COMPLETE;
use super::super::test_server::TestServer;
use super::super::tests::{TIMEOUT, birth, command, open, pinned};
use super::*;
use crate::backup::{Origin, channel, entry, write};
use crate::birth::ServiceKind;
use crate::pinned_keys::{PinOutcome, PinnedKeys};
use crate::record;

/// Puts pinned keys back, and stops at anything else.
struct PinnedKeysAlone;

impl Rebuild for PinnedKeysAlone {
    fn write(&mut self, entry: BackupEntry, writes: &mut Writes) -> Result<(), String> {
        if entry.table != "pinned-keys" {
            return Err(format!("there is no place for {}", entry.table));
        }
        crate::pinned_keys::write_to_redis(&entry, writes).map(drop).map_err(|error| error.to_string())
    }

    fn write_last(&mut self, _writes: &mut Writes) -> Result<(), String> {
        Ok(())
    }
}

/// A backup of pinned keys and perhaps something more.
fn backup(directory: &Path, more: Option<&str>) -> BackupFile {
    let keys =
        (0..=255).map(|byte| entry("pinned-keys", [byte; 32], record::encode(&pinned(byte, true)).unwrap()));
    let entries: Vec<_> = keys.chain(more.map(|table| entry(table, [], []))).collect();
    let (sink, source) = channel();
    let path = directory.join(more.unwrap_or("whole"));
    let count = entries.len() as u64;
    let sending = std::thread::spawn(move || {
        sink.put_blocking(entries).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(sink.end()).unwrap();
    });
    let written = write(&path, None, &Origin { birth: birth(), taken: 2_000 }, source).unwrap();
    sending.join().unwrap();
    assert_eq!(written, count);
    BackupFile::open(&path, None, ServiceKind::Redeemer).unwrap()
}

async fn restore(server: &TestServer, birth: &Birth, file: BackupFile) -> Result<(), OpenError> {
    let (rebuild, environment) = (Box::new(PinnedKeysAlone), Environment::production());
    RedisStore::restore(&server.deployment(), birth, TIMEOUT, file, rebuild, environment).await
}

async fn begin(server: &TestServer, birth: &Birth) -> Result<NewStore, OpenError> {
    NewStore::begin_empty(&server.deployment(), birth, TIMEOUT, Environment::production()).await
}

#[tokio::test]
async fn a_restore_that_did_not_end_leaves_no_store_and_is_noticed() {
    let (server, directory) = (TestServer::start().unwrap(), tempfile::tempdir().unwrap());
    let path = directory.path().to_owned();
    let files = tokio::task::spawn_blocking(move || (backup(&path, None), backup(&path, Some("elsewhere"))));
    let (whole, unfit) = files.await.unwrap();
    let restored = unfit.origin().birth.restored(2_000, 3_000).unwrap();
    let restore = async |file| restore(&server, &restored, file).await;
    let error = restore(unfit).await.unwrap_err().to_string();
    assert!(error.contains("there is no place for elsewhere"), "{error}");
    assert!(matches!(open(&server).await, Err(OpenError::Unborn(_))));
    let created = RedisStore::create(&server.deployment(), &birth(), TIMEOUT).await;
    assert!(matches!(created, Err(OpenError::HalfRestored(_))));
    command(&server, &["FLUSHALL"]);
    std::fs::remove_file(directory.path().join("whole")).unwrap();
    let path_is_gone = restore(whole).await.unwrap_err().to_string();
    assert!(path_is_gone.contains("whole: "), "{path_is_gone}");
}

#[tokio::test]
async fn a_restored_store_has_everything_and_another_birth_record() {
    let (server, directory) = (TestServer::start().unwrap(), tempfile::tempdir().unwrap());
    let path = directory.path().to_owned();
    let file = tokio::task::spawn_blocking(move || backup(&path, None)).await.unwrap();
    assert_eq!(file.entries(), 256);
    let restored = file.origin().birth.restored(2_000, 3_000).unwrap();
    let restore = async |file| restore(&server, &restored, file).await;
    restore(file).await.unwrap();
    let store = open(&server).await.unwrap();
    assert_eq!(store.birth(), &restored);
    assert!(store.birth().check_gap("it").is_err());
    assert_eq!(store.pinned().await.unwrap().len(), 256);
    assert!(matches!(store.pin(vec![pinned(7, true)]).await, Ok(PinOutcome::Pinned)));
    let path = directory.path().to_owned();
    let again = tokio::task::spawn_blocking(move || {
        std::fs::remove_file(path.join("whole")).unwrap();
        backup(&path, None)
    });
    assert!(matches!(restore(again.await.unwrap()).await, Err(OpenError::Exists(_))));

    let day = farthing_protocol::Day::from_number(100).unwrap();
    store.replace_birth(restored.closed(crate::gap::Closing::Replayed, day)).await.unwrap();
    // Whoever has it open had another birth record.
    assert!(store.pinned().await.is_err());
    assert!(open(&server).await.unwrap().birth().check_gap("it").is_ok());
}

/// A store in two groups, of which the second is made first.
#[tokio::test]
async fn a_divided_store_appears_when_all_of_it_is_there() {
    let (server, directory) = (TestServer::start().unwrap(), tempfile::tempdir().unwrap());
    let path = directory.path().to_owned();
    let file = tokio::task::spawn_blocking(move || backup(&path, None)).await.unwrap();
    let restored = file.origin().birth.restored(2_000, 3_000).unwrap().with_groups(2);
    let begun = begin(&server, &restored).await.unwrap();
    let restore = async |file| restore(&server, &restored, file).await;
    let bytes = record::encode(&restored).unwrap();
    // The process dies before anything is complete, and when the second group is.
    assert!(matches!(begin(&server, &restored).await, Err(OpenError::HalfRestored(_))));
    let second = begun.store().in_group(1);
    let call = Call::new().key(second.key(&[b"birth"])).arg(bytes);
    second.write::<()>(&COMPLETE, call).await.unwrap();
    assert!(matches!(open(&server).await, Err(OpenError::Unborn(_))));
    let created = RedisStore::create(&server.deployment(), &birth().with_groups(2), TIMEOUT).await;
    assert!(matches!(created, Err(OpenError::HalfRestored(_))));
    // It left the second group as it was.
    command(&server, &["DEL", "{farthing-redeemer}:restoring"]);
    assert!(matches!(begin(&server, &restored).await, Err(OpenError::Remainder(_))));
    command(&server, &["FLUSHALL"]);
    restore(file).await.unwrap();
    let store = open(&server).await.unwrap();
    assert_eq!((store.birth(), store.groups().len()), (&restored, 2));

    // Whoever closes the gap may die before it stands in the first group: then it is open.
    let day = farthing_protocol::Day::from_number(100).unwrap();
    let closed = restored.closed(crate::gap::Closing::Replayed, day);
    let second = store.in_group(1);
    let call = Call::new().arg(record::encode(&closed).unwrap());
    second.write::<()>(&super::super::walk::BIRTH_REPLACE, call).await.unwrap();
    let store = open(&server).await.unwrap();
    assert_eq!(store.birth(), &restored);
    store.replace_birth(closed.clone()).await.unwrap();
    let store = open(&server).await.unwrap();
    assert_eq!(store.birth(), &closed);
    let of_another_store = birth().with_groups(2);
    let call = Call::new().arg(record::encode(&of_another_store).unwrap());
    store.in_group(1).write::<()>(&super::super::walk::BIRTH_REPLACE, call).await.unwrap();
    assert!(matches!(open(&server).await, Err(OpenError::Another(_))));
}

/// An operator takes a slow restore for dead, empties the server and restores again.
#[tokio::test]
async fn a_restore_that_another_took_the_place_of_writes_nothing_more() {
    let (server, directory) = (TestServer::start().unwrap(), tempfile::tempdir().unwrap());
    let path = directory.path().to_owned();
    let file = tokio::task::spawn_blocking(move || backup(&path, None)).await.unwrap();
    let restored = || file.origin().birth.restored(2_000, 3_000).unwrap();
    let (slow, second) = (begin(&server, &restored()).await.unwrap(), restored());
    let late = |group: &NewStore| {
        let mut writes = group.writes();
        let entry = entry("pinned-keys", [0; 32], record::encode(&pinned(0, false)).unwrap());
        crate::pinned_keys::write_to_redis(&entry, &mut writes).unwrap();
        writes.take(1).next().unwrap()
    };
    slow.apply(late(&slow)).await.unwrap();
    command(&server, &["FLUSHALL"]);
    assert!(slow.apply(late(&slow)).await.is_err(), "nothing is marked");
    let other = begin(&server, &second).await.unwrap();
    assert!(slow.apply(late(&slow)).await.is_err(), "another restore is under way");
    other.complete().await.unwrap();
    assert!(slow.apply(late(&slow)).await.is_err(), "there is a store");
    assert!(slow.complete().await.is_err());
    let store = open(&server).await.unwrap();
    assert_eq!((store.birth(), store.pinned().await.unwrap().len()), (&second, 0));
}

#[tokio::test]
async fn nothing_is_made_among_the_records_of_a_store_that_lost_its_birth_record() {
    let server = TestServer::start().unwrap();
    let restored = birth().restored(2_000, 3_000).unwrap();
    command(&server, &["SET", "{farthing-redeemer}:publishers", "somebody"]);
    assert!(matches!(begin(&server, &restored).await, Err(OpenError::Remains(_))));
    let made = RedisStore::create(&server.deployment(), &birth().with_groups(2), TIMEOUT).await;
    assert!(matches!(made, Err(OpenError::Remains(_))));
    // The first group alone was lost: the others have records that a new store must not take for its own.
    command(&server, &["FLUSHALL"]);
    RedisStore::create(&server.deployment(), &birth().with_groups(2), TIMEOUT).await.unwrap();
    command(&server, &["SET", "{farthing-redeemer-1}:spent-tokens:x", "marks"]);
    command(&server, &["DEL", "{farthing-redeemer}:birth"]);
    let made = RedisStore::create(&server.deployment(), &birth().with_groups(2), TIMEOUT).await;
    assert!(matches!(made, Err(OpenError::Remains(_))));
    command(&server, &["DEL", "{farthing-redeemer-1}:spent-tokens:x"]);
    // What died after the second group can be begun again.
    RedisStore::create(&server.deployment(), &birth().with_groups(2), TIMEOUT).await.unwrap();
    command(&server, &["FLUSHALL"]);
    // What an earlier release leaves when it dies.
    command(&server, &["SET", "{farthing-redeemer}:restoring", ""]);
    assert!(matches!(begin(&server, &restored).await, Err(OpenError::HalfRestored(_))));
}
