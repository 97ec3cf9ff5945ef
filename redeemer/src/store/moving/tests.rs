//! Stores are moved while tokens are being redeemed.

mod ends;

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use farthing_api::{Base64Url, TokenResult};
use farthing_protocol::Day;
use farthing_service::backup::{Findings, check};
use farthing_service::birth::{Birth, TrustedKeys};
use farthing_service::environment::Environment;
use farthing_service::migration::{OldStore, give_up, leave_embedded, migrate, stop_embedded};
use farthing_service::pinned_keys::{PinOutcome, PinnedKey};
use farthing_service::redis::test_server::TestServer;
use farthing_service::store_settings::StoreSettings;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::*;
use crate::publishers::{Identity, Publisher, PublisherId};
use crate::store::conformance::{adjustment, genuine, key_facts, redemption};
use crate::store::{Redeemed, Redemption, SpentTokens, Stores};
use crate::test_tokens::NOW;

const TIMEOUT: Duration = Duration::from_secs(30);
/// Tasks that redeem at once, in each process.
const REDEEMING: usize = 3;
/// Redemptions before a move is begun.
const BEFORE: usize = 60;

fn settings(table: Value) -> StoreSettings {
    StoreSettings::new(serde_json::from_value(table).unwrap(), Path::new("/"), TIMEOUT)
}

fn on(server: &TestServer) -> StoreSettings {
    settings(json!({ "kind": "redis", "url": server.url() }))
}

/// An old store in use, and a server for the new one.
struct Scene {
    old: StoreSettings,
    /// As two processes see it; of an embedded store there is one.
    users: Vec<Stores>,
    new: StoreSettings,
    server: TestServer,
    _old_server: Option<TestServer>,
    _directory: tempfile::TempDir,
}

impl Scene {
    async fn embedded() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let old = settings(json!({ "kind": "embedded", "path": directory.path().join("redeemer.db") }));
        Self::of(old, None, directory, 100_000, 1).await
    }

    async fn redis(capacity: u64) -> Self {
        let server = TestServer::start().unwrap();
        let old = on(&server);
        Self::of(old, Some(server), tempfile::tempdir().unwrap(), capacity, 2).await
    }

    async fn of(
        old: StoreSettings,
        old_server: Option<TestServer>,
        directory: tempfile::TempDir,
        capacity: u64,
        processes: usize,
    ) -> Self {
        let birth = Birth::new(ServiceKind::Redeemer, NOW, TrustedKeys::None).unwrap();
        old.create(&birth).await.unwrap();
        let mut users = Vec::new();
        for _ in 0..processes {
            users.push(Stores::open(&old, &Environment::production()).await.unwrap());
        }
        let (id, created) = (PublisherId::from_bytes([1; 16]), Day::from_unix(NOW));
        let identity = Identity::Known { name: "Daily".parse().unwrap(), payout_reference: None };
        let publisher = Publisher { id, identity, created, keys: Vec::new() };
        users[0].publishers.add(publisher).await.unwrap();
        let pinned = [0, 1, 2].map(|key| PinnedKey {
            token_key_id: Base64Url(key_facts(key).id.to_bytes()),
            name: format!("key-{key}"),
            digest: Base64Url([key; 32]),
            redeem_until: Day::from_unix(NOW).plus(100),
            capacity,
            revoked: false,
        });
        assert_eq!(users[0].pins.pin(pinned.to_vec()).await.unwrap(), PinOutcome::Pinned);
        users[0].ledger.adjust(adjustment(1, -1)).await.unwrap();
        let server = TestServer::start().unwrap();
        let new = on(&server);
        Self { old, users, new, server, _old_server: old_server, _directory: directory }
    }

    /// As the command has it.
    async fn leave(&self) -> Box<dyn OldStore> {
        match &self.users[0].embedded {
            Some(store) => leave_embedded::<RedeemerTables>(store).await.unwrap(),
            None => self.old.leave::<RedeemerTables>(Environment::production()).await.unwrap(),
        }
    }

    async fn migrate(&self, environment: &Environment) -> anyhow::Result<Vec<String>> {
        migrate::<RedeemerTables>(self.leave().await, &self.new, 1, environment).await
    }

    async fn give_up(&self, is_lost: bool) -> anyhow::Result<Vec<String>> {
        let was_stopped = match &self.users[0].embedded {
            Some(store) => stop_embedded(store).await.unwrap(),
            None => false,
        };
        let environment = Environment::production();
        give_up(self.leave().await, &self.new, is_lost, was_stopped, &environment).await
    }

    /// Begins to move, and stops as if killed once a step is reached.
    async fn migrate_until(&self, step: &'static str) {
        let steps = Arc::new(move |taken: &str| {
            if taken == step {
                std::panic::panic_any(Killed);
            }
        });
        let environment = Environment { steps, ..Environment::production() };
        let (old, new) = (self.leave().await, self.new.clone());
        let moving = async move { migrate::<RedeemerTables>(old, &new, 1, &environment).await };
        let killed = tokio::spawn(moving).await.map(drop).unwrap_err();
        assert!(killed.into_panic().is::<Killed>(), "{step}");
    }

    fn clients(&self) -> Clients {
        let mut clients = Clients { shared: Arc::default(), tasks: JoinSet::new() };
        for user in &self.users {
            for _ in 0..REDEEMING {
                let (shared, spent) = (Arc::clone(&clients.shared), Arc::clone(&user.spent));
                clients.tasks.spawn(async move { shared.redeem(&*spent).await });
            }
        }
        clients
    }

    async fn is_served(&self, number: u32) -> bool {
        let mut answered = 0;
        for user in &self.users {
            answered += usize::from(user.spent.redeem(of(number)).await.is_ok());
        }
        assert!(answered == 0 || answered == self.users.len());
        answered > 0
    }
}

/// What stops a move at a step, as if its process were killed there.
struct Killed;

/// Those who redeem, and what they were told.
struct Clients {
    shared: Arc<Told>,
    tasks: JoinSet<()>,
}

#[derive(Default)]
struct Told {
    next: AtomicU32,
    is_over: AtomicBool,
    accepted: Mutex<Vec<u32>>,
    refused: Mutex<Vec<u32>>,
}

/// A redemption of two tokens of different keys, that nobody else has.
fn of(number: u32) -> Redemption {
    redemption(&format!("redemption-{number}"), true, vec![genuine(0, number), genuine(1, number)])
}

impl Told {
    /// Goes on until the store refuses.
    async fn redeem(&self, spent: &dyn SpentTokens) {
        while !self.is_over.load(Ordering::Relaxed) {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            match spent.redeem(of(number)).await {
                Ok(Redeemed::Done(answer)) => {
                    assert_eq!(answer.results, [TokenResult::Accepted; 2]);
                    self.accepted.lock().unwrap().push(number);
                }
                Ok(other) => panic!("{other:?}"),
                Err(_) => return self.refused.lock().unwrap().push(number),
            }
        }
    }
}

impl Clients {
    async fn wait(&self) {
        let deadline = tokio::time::Instant::now() + TIMEOUT;
        while self.shared.accepted.lock().unwrap().len() < BEFORE {
            assert!(tokio::time::Instant::now() < deadline);
            tokio::task::yield_now().await;
        }
    }

    /// What was accepted and what was refused, once all have ended.
    async fn told(mut self) -> (Vec<u32>, Vec<u32>) {
        while let Some(ended) = self.tasks.join_next().await {
            ended.unwrap();
        }
        let told = &self.shared;
        (told.accepted.lock().unwrap().clone(), told.refused.lock().unwrap().clone())
    }
}

/// Every answer holds in the new store.
async fn assert_moved(scene: &Scene, accepted: &[u32], refused: &[u32]) {
    let new = Stores::open(&scene.new, &Environment::production()).await.unwrap();
    assert_eq!(check::<RedeemerBooks>(&*new.copies, NOW).await.unwrap(), Findings::new());
    let publisher = PublisherId::from_bytes([1; 16]);
    let entries = new.ledger.entries(publisher).await.unwrap();
    let tokens: u64 = entries.credit().unwrap().iter().map(|entry| entry.tokens).sum();
    assert_eq!(tokens, 2 * accepted.len() as u64);
    let old_birth = &scene.users[0].birth;
    assert_eq!((&new.birth.store_id, new.birth.born), (&old_birth.store_id, old_birth.born));
    assert!(new.birth.leaving.is_none() && new.birth.open_gap().is_none());
    for number in accepted {
        let replayed = new.spent.redeem(of(*number)).await.unwrap();
        assert!(matches!(replayed, Redeemed::Replayed(_)), "{number}: {replayed:?}");
        let tokens = vec![genuine(0, *number), genuine(1, *number)];
        let again = new.spent.redeem(redemption("again", false, tokens)).await.unwrap();
        let Redeemed::Done(answer) = again else { panic!("{again:?}") };
        assert_eq!(answer.results, [TokenResult::Spent; 2]);
    }
    for number in refused {
        let Redeemed::Done(answer) = new.spent.redeem(of(*number)).await.unwrap() else { panic!() };
        assert_eq!(answer.results, [TokenResult::Accepted; 2], "what was refused was not spent");
    }
    let error = Stores::open(&scene.old, &Environment::production()).await.map(drop).unwrap_err().to_string();
    // An embedded store is still open in its process.
    assert!(error.contains("moved to redis") || error.contains("open in another process"), "{error}");
    let cause = scene.users[0].totals.totals().await.unwrap_err();
    assert!(cause.in_public().contains("was moved"), "{cause}");
    assert!(cause.to_string().contains(&scene.server.url()), "{cause}");
}

async fn moves_in_use(scene: Scene, groups: u8) {
    let clients = scene.clients();
    clients.wait().await;
    let environment = Environment::production();
    let told =
        migrate::<RedeemerTables>(scene.leave().await, &scene.new, groups, &environment).await.unwrap();
    assert!(told[0].starts_with("moved ") && told.len() == 3, "{told:?}");
    let (accepted, refused) = clients.told().await;
    assert!(accepted.len() >= BEFORE && refused.len() == scene.users.len() * REDEEMING);
    assert_moved(&scene, &accepted, &refused).await;
    let again = scene.migrate(&Environment::production()).await.unwrap();
    assert!(again[0].contains("is complete at"), "{again:?}");
    let refusal = scene.give_up(true).await.unwrap_err().to_string();
    assert!(refusal.contains("cannot be given up"), "{refusal}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_embedded_store_in_use_moves_to_redis() {
    moves_in_use(Scene::embedded().await, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_on_redis_in_use_moves_to_another_server() {
    // A key of small capacity has few buckets, and its marks are short.
    for capacity in [1_000, 100_000] {
        moves_in_use(Scene::redis(capacity).await, 1).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stores_in_use_are_divided_when_they_move() {
    moves_in_use(Scene::embedded().await, 3).await;
    for capacity in [1_000, 100_000] {
        moves_in_use(Scene::redis(capacity).await, 3).await;
    }
}
