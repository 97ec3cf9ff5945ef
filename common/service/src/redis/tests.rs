use std::sync::Arc;

use super::test_server::TestServer;
use super::*;
use crate::birth::TrustedKeys;
use crate::dumped_record::DumpRecords;
use crate::pinned_keys::{PinOutcome, PinnedKey, PinnedKeys};

pub(super) const TIMEOUT: Duration = Duration::from_secs(5);

pub(super) fn birth() -> Birth {
    Birth::new(ServiceKind::Redeemer, 1_000, TrustedKeys::None).unwrap()
}

async fn open_within(server: &TestServer, timeout: Duration) -> Result<RedisStore, OpenError> {
    let environment = Environment::production();
    RedisStore::open(server.deployment(), ServiceKind::Redeemer, timeout, environment).await
}

pub(super) async fn open(server: &TestServer) -> Result<RedisStore, OpenError> {
    open_within(server, TIMEOUT).await
}

async fn made(server: &TestServer) -> RedisStore {
    RedisStore::create(&server.deployment(), &birth(), TIMEOUT).await.unwrap();
    open(server).await.unwrap()
}

pub(super) fn pinned(byte: u8, revoked: bool) -> PinnedKey {
    PinnedKey {
        token_key_id: farthing_api::Base64Url([byte; 32]),
        name: format!("EUR-10000.{byte}"),
        digest: farthing_api::Base64Url([byte; 32]),
        redeem_until: farthing_protocol::Day::from_number(100).unwrap(),
        capacity: 1_000,
        revoked,
    }
}

pub(super) fn command(server: &TestServer, parts: &[&str]) {
    let mut command = ::redis::cmd(parts[0]);
    parts[1..].iter().for_each(|part| _ = command.arg(*part));
    command.exec(&mut server.connection().unwrap()).unwrap();
}

/// Asks until the answer is as it should be, for a connection takes a moment to come back.
async fn eventually(store: &RedisStore, wanted: impl Fn(&Result<Vec<PinnedKey>, Unavailable>) -> bool) {
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    loop {
        let answer = store.pinned().await;
        if wanted(&answer) {
            return;
        }
        assert!(std::time::Instant::now() < deadline, "{answer:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn keys_are_pinned_once_and_revoked_for_ever() {
    let server = TestServer::start().unwrap();
    let store = made(&server).await;
    assert_eq!(store.pin(vec![pinned(1, false), pinned(2, false)]).await.unwrap(), PinOutcome::Pinned);
    assert_eq!(store.pin(vec![pinned(1, true)]).await.unwrap(), PinOutcome::Pinned);
    assert_eq!(store.pin(vec![pinned(1, false)]).await.unwrap(), PinOutcome::Pinned);
    let changed = PinnedKey { digest: farthing_api::Base64Url([9; 32]), ..pinned(2, false) };
    let conflict = store.pin(vec![pinned(3, false), changed]).await.unwrap();
    assert_eq!(conflict, PinOutcome::Conflict(pinned(2, false)));
    assert_eq!(store.pinned().await.unwrap(), [pinned(1, true), pinned(2, false)]);
    let dumped = store.dump().await.unwrap();
    assert_eq!(dumped.iter().filter(|record| record.table == "pinned-keys").count(), 2);
    assert_eq!(dumped[0].table, "birth");
}

#[tokio::test]
async fn a_server_that_would_lose_what_it_acknowledged_is_refused() {
    let always = ["--appendonly", "yes", "--appendfsync", "always"];
    for (settings, named) in [
        (&["--appendonly", "no"][..], "appendonly is no and must be yes"),
        (&["--appendonly", "yes", "--appendfsync", "everysec"], "appendfsync is everysec and must be always"),
        (&[&always[..], &["--maxmemory-policy", "allkeys-lru"]].concat(), "maxmemory-policy is allkeys-lru"),
    ] {
        let server = TestServer::start_with(settings).unwrap();
        let refused = RedisStore::create(&server.deployment(), &birth(), TIMEOUT).await;
        let line = refused.unwrap_err().to_string();
        assert!(line.contains(named) && !line.contains('\n'), "{line}");
    }
    let server = TestServer::start_with(&["--appendonly", "no"]).unwrap();
    RedisStore::create(&Deployment::standalone(server.address(), Durability::Weak), &birth(), TIMEOUT)
        .await
        .unwrap();
}

#[tokio::test]
async fn stores_that_are_not_there_not_born_or_already_made_are_refused() {
    let server = TestServer::start().unwrap();
    assert!(matches!(open(&server).await, Err(OpenError::Unborn(_))));
    made(&server).await;
    let again = RedisStore::create(&server.deployment(), &birth(), TIMEOUT).await;
    assert!(matches!(again, Err(OpenError::Exists(_))));
    let at = |url: &str| Deployment::standalone(Address::new(url, None), Durability::EachWrite);
    let refused = RedisStore::create(&at("redis://127.0.0.1:1"), &birth(), TIMEOUT).await;
    assert!(matches!(refused, Err(OpenError::Unreachable { .. })));
    for url in ["http://127.0.0.1", "redis://:secret@127.0.0.1"] {
        let refused = RedisStore::create(&at(url), &birth(), TIMEOUT).await.unwrap_err();
        assert!(matches!(refused, OpenError::Url(_)) && !refused.to_string().contains("secret"));
    }
}

#[tokio::test]
async fn a_password_is_shown_to_the_server_and_to_nobody_else() {
    let strict = ["--appendonly", "yes", "--appendfsync", "always"];
    let server = TestServer::start_with(&strict).unwrap();
    command(&server, &["ACL", "SETUSER", "farthing", "on", ">hunter2", "~*", "+@all"]);
    let url = server.url() + "?user=farthing";
    let with = |password: &str| {
        let password = Arc::new(zeroize::Zeroizing::new(password.to_owned()));
        Deployment::standalone(Address::new(url.as_str(), Some(password)), Durability::EachWrite)
    };
    let wrong = RedisStore::create(&with("wrong"), &birth(), TIMEOUT).await;
    let line = wrong.unwrap_err().to_string();
    assert!(line.contains("cannot be used") && !line.contains("wrong"), "{line}");
    RedisStore::create(&with("hunter2"), &birth(), TIMEOUT).await.unwrap();
}

#[tokio::test]
async fn an_outage_is_unavailable_and_ends_by_itself() {
    let mut server = TestServer::start().unwrap();
    let store = made(&server).await;
    store.pin(vec![pinned(1, false)]).await.unwrap();
    server.kill().unwrap();
    assert!(store.pinned().await.is_err());
    assert!(store.pinned().await.is_err());
    server.restart().unwrap();
    eventually(&store, |answer| answer.as_ref().is_ok_and(|keys| keys.len() == 1)).await;
}

#[tokio::test]
async fn a_silent_server_is_unavailable_in_time() {
    let server = TestServer::start().unwrap();
    made(&server).await;
    let store = open_within(&server, Duration::from_millis(300)).await.unwrap();
    command(&server, &["CLIENT", "PAUSE", "8000", "ALL"]);
    let asked = std::time::Instant::now();
    assert!(store.pinned().await.is_err());
    // It is answered by the time-out, and not by the end of the silence.
    assert!(asked.elapsed() < Duration::from_secs(7), "{:?}", asked.elapsed());
    eventually(&store, Result::is_ok).await;
}

#[tokio::test]
async fn an_emptied_server_answers_nothing() {
    let server = TestServer::start().unwrap();
    let store = made(&server).await;
    store.pin(vec![pinned(1, false)]).await.unwrap();
    command(&server, &["FLUSHALL"]);
    for _ in 0..3 {
        assert!(store.pinned().await.is_err());
        assert!(store.pin(vec![pinned(2, false)]).await.is_err());
    }
    let other = birth();
    RedisStore::create(&server.deployment(), &other, TIMEOUT).await.unwrap();
    eventually(&store, |answer| {
        answer.as_ref().is_err_and(|error| error.to_string().contains("birth record is another"))
    })
    .await;
}

#[tokio::test]
async fn a_server_that_became_unfit_is_refused_when_it_comes_back() {
    let server = TestServer::start().unwrap();
    let store = made(&server).await;
    command(&server, &["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]);
    command(&server, &["CLIENT", "KILL", "TYPE", "normal"]);
    eventually(&store, |answer| answer.as_ref().is_err_and(|error| error.to_string().contains("not fit")))
        .await;
    command(&server, &["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
    eventually(&store, Result::is_ok).await;
}

#[tokio::test]
async fn a_full_server_is_unavailable_and_loses_nothing() {
    let server = TestServer::start().unwrap();
    let store = made(&server).await;
    store.pin(vec![pinned(1, false)]).await.unwrap();
    command(&server, &["CONFIG", "SET", "maxmemory", "1"]);
    assert!(store.pin(vec![pinned(2, false)]).await.is_err());
    command(&server, &["CONFIG", "SET", "maxmemory", "0"]);
    eventually(&store, |answer| answer.as_ref().is_ok_and(|keys| keys.len() == 1)).await;
}

/// The server that answers after a reconnect may be another one, which numbers the places of its memory otherwise.
#[tokio::test]
async fn a_walk_does_not_go_on_over_another_connection() {
    let Ok(server) = TestServer::start() else { return };
    let store = made(&server).await;
    let mut fill = ::redis::pipe();
    for number in 0..5_000_u32 {
        fill.cmd("SET").arg(store.key(&[b"orders:", &number.to_be_bytes()])).arg("").ignore();
    }
    fill.exec(&mut server.connection().unwrap()).unwrap();
    let (steady, mut broken) = (store.steadily(), Walk::default());
    assert!(store.scan_keys(&mut Walk::default(), b"orders:").await.is_err(), "it is not steady");
    steady.scan_keys(&mut broken, b"orders:").await.unwrap().unwrap();
    command(&server, &["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
    eventually(&store, Result::is_ok).await;
    // The first to ask meets a connection that has ended.
    steady.scan_keys(&mut broken, b"orders:").await.unwrap_err();
    for _ in 0..2 {
        let words = steady.scan_keys(&mut broken, b"orders:").await.unwrap_err().to_string();
        assert!(words.contains("begin again"), "{words}");
    }
    let store = store.steadily();
    let (mut walk, mut met) = (Walk::default(), std::collections::HashSet::new());
    while let Some(names) = store.scan_keys(&mut walk, b"orders:").await.unwrap() {
        met.extend(names);
    }
    assert_eq!(met.len(), 5_000);
    assert_eq!(store.scan_keys(&mut walk, b"orders:").await.unwrap(), None);
}

#[tokio::test]
async fn a_walk_fails_where_the_store_went_away_meanwhile() {
    let Ok(server) = TestServer::start() else { return };
    let store = made(&server).await;
    let steady = store.steadily();
    steady.scan_keys(&mut Walk::default(), b"").await.unwrap();
    command(&server, &["DEL", "{farthing-redeemer}:birth"]);
    let words = steady.scan_keys(&mut Walk::default(), b"").await.unwrap_err().to_string();
    assert!(words.contains("birth record went away"), "{words}");
}
