use super::super::test_server::TestServer;
use super::*;
use crate::birth::TrustedKeys;
use crate::pinned_keys::{PinOutcome, PinnedKey, PinnedKeys};

const TIMEOUT: Duration = Duration::from_secs(5);
const AHEAD: &[&str] = &["pinned-keys"];

fn pinned(byte: u8) -> PinnedKey {
    PinnedKey {
        token_key_id: farthing_api::Base64Url([byte; 32]),
        name: format!("EUR-10000.{byte}"),
        digest: farthing_api::Base64Url([byte; 32]),
        redeem_until: farthing_protocol::Day::from_number(100).unwrap(),
        capacity: 1_000,
        revoked: false,
    }
}

async fn open(server: &TestServer) -> Result<RedisStore, OpenError> {
    let environment = Environment::production();
    RedisStore::open(server.deployment(), ServiceKind::Redeemer, TIMEOUT, environment).await
}

async fn leave(server: &TestServer) -> Departure {
    let environment = Environment::production();
    Departure::open(server.deployment(), ServiceKind::Redeemer, TIMEOUT, environment).await.unwrap()
}

async fn made(server: &TestServer) -> RedisStore {
    let birth = Birth::new(ServiceKind::Redeemer, 1_000, TrustedKeys::None).unwrap();
    RedisStore::create(&server.deployment(), &birth, TIMEOUT).await.unwrap();
    open(server).await.unwrap()
}

fn record(server: &TestServer) -> Vec<u8> {
    let mut server = server.connection().unwrap();
    ::redis::cmd("GET").arg("{farthing-redeemer}:birth").query(&mut server).unwrap()
}

type Pinned = Result<Vec<PinnedKey>, Unavailable>;
/// A store, and what it should say.
type Expected<'a> = (&'a RedisStore, &'a dyn Fn(&Pinned) -> bool);

/// Has every client connect anew, and asks each store until it says what it should.
async fn after_reconnecting(server: &TestServer, stores: &[Expected<'_>]) {
    let mut connection = server.connection().unwrap();
    ::redis::cmd("CLIENT").arg("KILL").arg("TYPE").arg("normal").exec(&mut connection).unwrap();
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    for (store, wanted) in stores {
        loop {
            let answer = store.pinned().await;
            if wanted(&answer) {
                break;
            }
            assert!(std::time::Instant::now() < deadline, "{answer:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

#[tokio::test]
async fn who_uses_a_store_that_is_left_notes_changes_and_is_refused_at_last() {
    let server = TestServer::start().unwrap();
    let store = made(&server).await;
    let before = record(&server);
    let mut departure = leave(&server).await;
    let during = departure.birth().moving("another place").unwrap();
    departure.begin(&during, AHEAD).await.unwrap();
    // Whoever knows no marks compares the record alone, or reads its version.
    assert_ne!(record(&server), before);
    assert_eq!(record(&server).first(), Some(&<Birth as record::Record>::VERSION));

    assert_eq!(store.pin(vec![pinned(1)]).await.unwrap(), PinOutcome::Pinned);
    assert_eq!(store.pinned().await.unwrap().len(), 1);
    let another = open(&server).await.unwrap();
    assert_eq!(another.birth(), store.birth());
    assert_eq!(another.pin(vec![pinned(2)]).await.unwrap(), PinOutcome::Pinned);
    let has_both = |answer: &Pinned| answer.as_ref().is_ok_and(|keys| keys.len() == 2);
    let all: [Expected<'_>; 3] =
        [(&store, &has_both), (&another, &has_both), (&departure.store(), &has_both)];
    after_reconnecting(&server, &all).await;
    assert!(store.replace_birth(during.clone()).await.is_err(), "nobody else changes what it is known by");
    // One name, however often it was written; of what was only read or is no such table, none.
    assert_eq!(departure.count().await.unwrap(), 1);
    assert_eq!(departure.changes(10).await.unwrap(), [b"pinned-keys"]);
    assert_eq!(departure.count().await.unwrap(), 0);

    departure.end(&during.left()).await.unwrap();
    for user in [&store, &another] {
        let cause = user.pin(vec![pinned(3)]).await.unwrap_err();
        assert!(cause.to_string().contains("the store was moved to another place: "), "{cause}");
    }
    let is_moved =
        |answer: &Pinned| answer.as_ref().is_err_and(|cause| cause.in_public().contains("was moved"));
    // Whoever moves it goes on reading it.
    after_reconnecting(&server, &[(&store, &is_moved), (&departure.store(), &has_both)]).await;
    assert!(matches!(open(&server).await, Err(OpenError::Moved { .. })));

    // Another command takes over, and gives the store back.
    let mut later = leave(&server).await;
    assert_eq!(later.going(), Some(("another place", true)));
    let during = later.birth().moving("another place").unwrap();
    later.begin(&during.left(), AHEAD).await.unwrap();
    assert!(departure.store().pinned().await.is_err() && departure.release().await.is_err());
    assert!(is_moved(&store.pinned().await));
    later.release().await.unwrap();
    assert_eq!(record(&server), before);
    after_reconnecting(&server, &[(&store, &has_both)]).await;
    assert!(leave(&server).await.going().is_none());
    let mut connection = server.connection().unwrap();
    let left: Vec<String> = ::redis::cmd("KEYS").arg("*birth-*").query(&mut connection).unwrap();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn a_user_can_neither_end_nor_release() {
    let server = TestServer::start().unwrap();
    made(&server).await;
    let mut stranger = leave(&server).await;
    let mut departure = leave(&server).await;
    let during = departure.birth().moving("another place").unwrap();
    departure.begin(&during, AHEAD).await.unwrap();
    let refused = [stranger.end(&during.left()).await, stranger.release().await];
    for outcome in refused {
        let cause = outcome.unwrap_err().to_string();
        assert!(cause.contains("another command moves the store"), "{cause}");
    }
    departure.end(&during.left()).await.unwrap();
    let during = stranger.birth().moving("elsewhere").unwrap();
    let cause = stranger.begin(&during, AHEAD).await.unwrap_err();
    assert!(cause.in_public().contains("was moved"), "{cause}");
}
