use std::sync::Arc;
use std::time::Duration;

use ::redis::Commands;
use async_trait::async_trait;
use farthing_api::TokenResult;
use farthing_protocol::Authenticator;
use farthing_service::birth::{Birth, ServiceKind, TrustedKeys};
use farthing_service::environment::Environment;
use farthing_service::redis::RedisStore;
use farthing_service::redis::test_server::TestServer;
use sha2::{Digest, Sha256};

use crate::redemption::{Judged, SpentMark};
use crate::store::conformance::{Fixture, conformance, genuine, key_facts, new_set, redemption, results};
use crate::store::{Leftovers, Redemption, SpentTokens};
use crate::test_tokens::NOW;

/// A store with `GROUPS` groups of keys.
pub(super) struct OnRedis<const GROUPS: u8 = 1> {
    pub(super) server: TestServer,
    store: Arc<RedisStore>,
}

#[async_trait]
impl<const GROUPS: u8> Fixture for OnRedis<GROUPS> {
    type Store = RedisStore;

    async fn fresh() -> Self {
        let server = TestServer::start().unwrap();
        let timeout = Duration::from_secs(30);
        let birth = Birth::new(ServiceKind::Redeemer, NOW, TrustedKeys::None).unwrap().with_groups(GROUPS);
        RedisStore::create(&server.deployment(), &birth, timeout).await.unwrap();
        let environment = Environment::production();
        let opened = RedisStore::open(server.deployment(), ServiceKind::Redeemer, timeout, environment);
        let store = Arc::new(opened.await.unwrap());
        Self { server, store }
    }

    fn store(&self) -> Arc<RedisStore> {
        Arc::clone(&self.store)
    }

    async fn raise_versions(&self) {
        let mut server = self.server.connection().unwrap();
        let names: Vec<Vec<u8>> = server.keys("*").unwrap();
        let mut raised = 0;
        for name in names.iter().filter(|name| !name.ends_with(b":birth")) {
            let kind: String = ::redis::cmd("TYPE").arg(name).query(&mut server).unwrap();
            if kind != "hash" {
                continue;
            }
            let fields: Vec<(Vec<u8>, Vec<u8>)> = server.hgetall(name).unwrap();
            for (field, mut value) in fields {
                let is_version = field == b"version";
                let is_named = |part: &[u8]| name.windows(part.len()).any(|found| found == part);
                let is_record = field == b"record"
                    || name.ends_with(b":publishers")
                    || is_named(b":adjustments:")
                    || is_named(b":statements:")
                    || is_named(b":payouts:");
                if is_version {
                    let version: u64 = std::str::from_utf8(&value).unwrap().parse().unwrap();
                    value = (version + 1).to_string().into_bytes();
                } else if is_record {
                    value[0] += 1;
                } else {
                    continue;
                }
                raised += 1;
                server.hset::<_, _, _, ()>(name, field, value).unwrap();
            }
        }
        assert!(raised >= 8);
    }

    async fn lose_birth(&self) {
        let mut server = self.server.connection().unwrap();
        let names: Vec<Vec<u8>> = server.keys("*:birth").unwrap();
        server.del::<_, ()>(names).unwrap();
    }
}

conformance!(OnRedis);

mod in_groups {
    use super::OnRedis;
    use crate::store::conformance::conformance;

    conformance!(OnRedis<3>);
}

/// What a release before 0.2 wrote: one Redis set for each key.
fn unpacked(server: &TestServer, id: u8, marks: &[[u8; 16]], closed: u8, count: usize) {
    let mut server = server.connection().unwrap();
    let name = |part: &[u8]| [b"{farthing-redeemer}:", part, &[id; 32]].concat();
    let fields: [(&str, usize); 4] =
        [("version", 1), ("redeem-until", 20_800), ("closed", closed.into()), ("marks", count)];
    server.hset_multiple::<_, _, _, ()>(name(b"spent-set:"), &fields).unwrap();
    server.sadd::<_, _, ()>(b"{farthing-redeemer}:spent-sets", &[id; 32]).unwrap();
    for mark in marks {
        server.sadd::<_, _, ()>(name(b"spent-marks:"), mark).unwrap();
    }
}

#[tokio::test]
async fn sets_of_an_earlier_release_are_repacked_once() {
    let OnRedis { server, store } = <OnRedis>::fresh().await;
    let marks: Vec<[u8; 16]> = (0..2_500_u32)
        .map(|number| {
            let hash = Sha256::digest(number.to_be_bytes());
            *hash.first_chunk().unwrap()
        })
        .collect();
    unpacked(&server, 0, &marks, 0, marks.len());
    unpacked(&server, 1, &marks[..5], 1, 10);
    let spent = |key: usize, mark: &[u8; 16]| {
        let mut authenticator = [0; 64];
        authenticator[..16].copy_from_slice(mark);
        Judged::Genuine { key, mark: SpentMark::of(&Authenticator::from_bytes(authenticator)) }
    };
    let tokens: Vec<_> = marks.iter().step_by(5).map(|mark| spent(0, mark)).collect();
    let redemption = |key: &str, tokens| Redemption {
        keys: vec![key_facts(0), key_facts(1)],
        ..redemption(key, false, tokens)
    };
    assert!(store.redeem(redemption("a", tokens.clone())).await.is_err(), "not before it is repacked");

    super::repack(&store).await.unwrap();
    super::repack(&store).await.unwrap();
    let all_spent = vec![TokenResult::Spent; tokens.len()];
    assert_eq!(results(&*store, redemption("a", tokens)).await, all_spent);
    assert_eq!(results(&*store, redemption("b", vec![spent(0, &[9; 16])])).await, [TokenResult::Accepted]);
    assert_eq!(results(&*store, redemption("c", vec![spent(1, &[9; 16])])).await, [TokenResult::Expired]);
    let left: Vec<Vec<u8>> = server.connection().unwrap().keys("*spent-marks*").unwrap();
    assert!(left.is_empty());

    unpacked(&server, 2, &marks[..5], 0, 6);
    assert!(super::repack(&store).await.is_err(), "one of six is missing");
}

#[tokio::test]
async fn a_set_without_its_marks_is_lost() {
    let OnRedis { server, store } = <OnRedis>::fresh().await;
    store.open_sets(vec![new_set(0, 20_800)]).await.unwrap();
    let of_key = |key: &str, tokens| Redemption { keys: vec![key_facts(0)], ..redemption(key, true, tokens) };
    results(&*store, of_key("a", vec![genuine(0, 1), genuine(0, 2)])).await;
    let mut server = server.connection().unwrap();
    let buckets: Vec<Vec<u8>> = server.keys("*marks:*").unwrap();
    assert!(!buckets.is_empty());
    server.del::<_, ()>(buckets).unwrap();
    assert!(store.redeem(of_key("b", vec![genuine(0, 3)])).await.is_err());
}

#[tokio::test]
async fn the_log_forgets_which_marks_were_credited_to_whom() {
    let OnRedis { server, store } = <OnRedis>::fresh().await;
    store.open_sets(vec![new_set(0, 20_800)]).await.unwrap();
    let first = Redemption { keys: vec![key_facts(0)], ..redemption("a", true, vec![genuine(0, 1)]) };
    results(&*store, first).await;
    let has_log = || {
        let files = std::fs::read_dir(server.append_only_files()).unwrap();
        let logs =
            files.map(|file| file.unwrap().path()).filter(|path| path.to_string_lossy().contains(".incr."));
        // A rewritten one may go between being listed and being read.
        logs.filter_map(|path| std::fs::read(path).ok())
            .any(|log| log.windows(6).any(|part| part == b"HSETNX"))
    };
    assert!(has_log(), "blind");
    store.forget_order().await.unwrap();
    store.forget_order().await.unwrap();
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while has_log() {
        assert!(std::time::Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let again = Redemption { keys: vec![key_facts(0)], ..redemption("b", true, vec![genuine(0, 1)]) };
    assert_eq!(results(&*store, again).await, [TokenResult::Spent]);
}
