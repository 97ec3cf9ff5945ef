//! Copies of stores that are divided into groups of keys.

use std::collections::BTreeMap;
use std::path::Path;

use farthing_api::TokenResult;
use farthing_protocol::Day;
use farthing_service::backup::{BackupFile, Origin, back_up, channel, check, write};
use farthing_service::birth::ServiceKind;
use farthing_service::dumped_record::DumpRecords;
use farthing_service::pinned_keys::PinnedKeys;
use farthing_service::redis::test_server::TestServer;

use super::tests::{assert_spent, back_up_in_use, command, made, restored_to_embedded, restored_to_redis};
use super::*;
use crate::publishers::PublisherId;
use crate::store::conformance::{adjustment, closing, genuine, idempotency, redemption, results};
use crate::store::embedded::EmbeddedCopies;
use crate::store::redis::across_groups::tests::{decide_commit, finish_commit, reserved, spread, tokens};
use crate::store::{Ledger, Redeemed, RedeemedTotals, RedeemerBooks, SpentTokens, Statements};
use crate::test_tokens::NOW;

/// Nothing in it contradicts anything else in it.
async fn assert_in_order(copies: &dyn Copies) {
    assert_eq!(check::<RedeemerBooks>(copies, NOW).await.unwrap(), Findings::new());
}

async fn backed_up(store: &RedisStore, path: &Path) -> BackupFile {
    back_up(&RedisCopies(store.clone()), store.birth(), path, None, NOW).await.unwrap();
    BackupFile::open(path, None, ServiceKind::Redeemer).unwrap()
}

/// How many redemptions are not finished, over all groups.
fn unfinished(server: &TestServer) -> usize {
    let mut server = server.connection().unwrap();
    let keys: Vec<Vec<u8>> = ::redis::cmd("KEYS").arg("*:unfinished:*").query(&mut server).unwrap();
    keys.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_of_a_divided_store_in_use_adds_up_wherever_it_is_restored() {
    let mut divided = [1, 3, 5].into_iter().cycle();
    back_up_in_use(100_000, 3, async |path, before| {
        let file = BackupFile::open(path, None, ServiceKind::Redeemer).unwrap();
        let embedded = restored_to_embedded(path, &file);
        assert_in_order(&EmbeddedCopies(embedded.clone())).await;
        assert_spent(&embedded, &before).await;
        let (_server, restored) = restored_to_redis(file, divided.next().unwrap()).await;
        assert_in_order(&RedisCopies(restored.clone())).await;
        assert_spent(&restored, &before).await;
        // And once more, now that credits lie in other groups than marks.
        let again = backed_up(&restored, &path.with_extension("again")).await;
        let (_server, restored) = restored_to_redis(again, 2).await;
        assert_in_order(&RedisCopies(restored.clone())).await;
        assert_spent(&restored, &before).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn short_marks_go_from_groups_to_other_groups() {
    let mut divided = [1, 3, 5].into_iter().cycle();
    back_up_in_use(4_000, 3, async |path, before| {
        let file = BackupFile::open(path, None, ServiceKind::Redeemer).unwrap();
        let (_server, restored) = restored_to_redis(file, divided.next().unwrap()).await;
        assert_in_order(&RedisCopies(restored.clone())).await;
        assert_spent(&restored, &before).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_committed_is_in_a_copy_and_what_is_not_decided_is_not() {
    let (server, directory) = (TestServer::start().unwrap(), tempfile::tempdir().unwrap());
    let store = made(&server, 100_000, 3).await;
    let others = |key: &str| redemption(key, true, (10..16).map(|number| genuine(1, number)).collect());
    let committed = reserved(&store, &spread("committed")).await;
    decide_commit(&store, &spread("committed"), committed).await;
    finish_commit(&store, 1, committed).await;
    reserved(&store, &others("undecided")).await;
    // What is under way is no finding, and a check leaves it as it is.
    let before = unfinished(&server);
    assert_in_order(&RedisCopies(store.clone())).await;
    assert_eq!((before, unfinished(&server)), (5, 5));

    let path = directory.path().join("backup");
    let file = backed_up(&store, &path).await;
    assert_eq!(unfinished(&server), 3, "the undecided one's");
    assert_eq!(tokens(&store).await, 6);
    let embedded = restored_to_embedded(&path, &file);
    assert_in_order(&EmbeddedCopies(embedded.clone())).await;
    let (_server, restored) = restored_to_redis(file, 3).await;
    assert_in_order(&RedisCopies(restored.clone())).await;
    let repeated = restored.redeem(spread("committed")).await.unwrap();
    assert!(matches!(repeated, Redeemed::Replayed(_)), "{repeated:?}");
    assert_eq!(tokens(&restored).await, 6);
    assert_eq!(results(&restored, spread("other")).await, [TokenResult::Spent; 6]);
    assert_eq!(results(&restored, others("undecided")).await, [TokenResult::Accepted; 6]);
    assert_eq!(results(&embedded, others("undecided")).await, [TokenResult::Accepted; 6]);
}

/// A redemption is finished in a group before that one is counted, and in the others after they were.
#[tokio::test(flavor = "multi_thread")]
async fn of_a_redemption_that_is_counted_in_part_every_token_is_marked() {
    let (server, directory) = (TestServer::start().unwrap(), tempfile::tempdir().unwrap());
    let store = made(&server, 100_000, 3).await;
    results(&store, spread("whole")).await;
    let (mut counts, mut findings) = (Counts::default(), Findings::new());
    for group in [0, 2] {
        counts.read(&store.in_group(group), Day::from_unix(NOW), &mut findings).await.unwrap();
    }
    // Of one of its two keys nothing was redeemed before, in any group.
    let of_two_keys = || (20..32).map(|number| genuine(usize::from(number % 2 == 0), number)).collect();
    let partly = redemption("partly", true, of_two_keys());
    let id = reserved(&store, &partly).await;
    assert_eq!(decide_commit(&store, &partly, id).await, "commit");
    finish_commit(&store, 1, id).await;
    counts.read(&store.in_group(1), Day::from_unix(NOW), &mut findings).await.unwrap();

    let (sink, source) = channel();
    let path = directory.path().join("backup");
    let (output, origin) = (path.clone(), Origin { birth: store.birth().clone(), taken: NOW });
    let writing = tokio::task::spawn_blocking(move || write(&output, None, &origin, source));
    let pinned = pinned_keys::copy_from_redis(&store).await.unwrap();
    sink.put(pinned.clone()).await.unwrap();
    copy_counted(&store, Extent::Records, counts, &pinned, &sink, &mut findings).await.unwrap();
    sink.end().await.unwrap();
    writing.await.unwrap().unwrap();
    assert_eq!(findings, Findings::new());

    let file = BackupFile::open(&path, None, ServiceKind::Redeemer).unwrap();
    let embedded = restored_to_embedded(&path, &file);
    assert_in_order(&EmbeddedCopies(embedded.clone())).await;
    let (_server, restored) = restored_to_redis(file, 2).await;
    assert_in_order(&RedisCopies(restored.clone())).await;
    let again = redemption("again", false, of_two_keys());
    assert_eq!(results(&restored, again).await, [TokenResult::Spent; 12]);
    // Six of the first one, and four of twelve: each of the others is a mark without credit.
    assert_eq!(tokens(&restored).await, 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn damage_in_any_group_is_found() {
    let server = TestServer::start().unwrap();
    let in_second = |name: &[u8]| [b"{farthing-redeemer-1}:", name].concat();
    let of_key = |name: &[u8]| in_second(&[name, &[0; 32]].concat());
    let found = async |damage: &dyn Fn(&mut ::redis::Connection)| {
        command(&server, "FLUSHALL");
        let store = made(&server, 100_000, 3).await;
        results(&store, spread("one")).await;
        reserved(&store, &redemption("held", true, vec![genuine(0, 7)])).await;
        let copies = RedisCopies(store.clone());
        assert_in_order(&copies).await;
        damage(&mut server.connection().unwrap());
        let findings = check::<RedeemerBooks>(&copies, NOW).await.unwrap();
        findings.into_iter().collect::<Vec<_>>().join("\n")
    };
    let marks = found(&|server| {
        let buckets: Vec<Vec<u8>> =
            ::redis::cmd("KEYS").arg("{farthing-redeemer-1}:marks:*").query(server).unwrap();
        ::redis::cmd("DEL").arg(&buckets[0]).exec(server).unwrap();
    });
    let marks = marks.await;
    assert!(marks.contains("(group 1): it has fewer marks than it counts"), "{marks}");
    assert!(marks.contains("it has fewer marks than tokens of the key were redeemed"), "{marks}");
    let set = found(&|server| ::redis::cmd("DEL").arg(of_key(b"spent-set:")).exec(server).unwrap()).await;
    assert!(set.contains("(group 1): its set is gone"), "{set}");
    assert!(set.contains("(group 1): the token key is known, and has no spent set there"), "{set}");
    let credit = found(&|server| {
        let credits: Vec<Vec<u8>> =
            ::redis::cmd("KEYS").arg("{farthing-redeemer-1}:credits:*").query(server).unwrap();
        ::redis::cmd("HINCRBY").arg(&credits[0]).arg("tokens").arg(1).exec(server).unwrap();
    });
    let credit = credit.await;
    assert!(credit.contains("what was redeemed is not what publishers were credited"), "{credit}");
    let held = found(&|server| ::redis::cmd("DEL").arg(in_second(b"unfinished")).exec(server).unwrap()).await;
    assert_eq!(held, "held-marks (group 1): it has a token of a redemption that is not under way");
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_a_divided_store_has_is_dumped() {
    let server = TestServer::start().unwrap();
    let store = made(&server, 100_000, 3).await;
    results(&store, spread("one")).await;
    reserved(&store, &redemption("held", true, vec![genuine(0, 7)])).await;
    let mut tables = BTreeMap::<String, usize>::new();
    for record in store.dump().await.unwrap() {
        *tables.entry(record.table).or_default() += 1;
    }
    let of = |table: &str| tables.get(table).copied().unwrap_or(0);
    assert_eq!([of("birth"), of("marks"), of("kept-answers"), of("held-marks")], [1, 6, 2, 1], "{tables:?}");
    assert!(store.kept_answer(idempotency("one"), NOW).await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undivided_store_is_restored_into_groups() {
    let (server, directory) = (TestServer::start().unwrap(), tempfile::tempdir().unwrap());
    // Of a key of small capacity only short marks are known.
    for capacity in [1_000, 100_000] {
        command(&server, "FLUSHALL");
        let store = made(&server, capacity, 1).await;
        let tokens = || (0..40).map(|number| genuine(0, number)).collect();
        results(&store, redemption("one", true, tokens())).await;
        store.adjust(adjustment(1, -1)).await.unwrap();
        assert_eq!(store.close(closing(1)).await.unwrap().len(), 1);
        let publisher = PublisherId::from_bytes([1; 16]);
        let backup = directory.path().join(format!("of-{capacity}"));
        back_up(&RedisCopies(store.clone()), store.birth(), &backup, None, NOW).await.unwrap();

        let file = BackupFile::open(&backup, None, ServiceKind::Redeemer).unwrap();
        let (_server, restored) = restored_to_redis(file, 3).await;
        assert_eq!(restored.groups().len(), 3);
        assert_eq!(restored.entries(publisher).await.unwrap(), store.entries(publisher).await.unwrap());
        assert_eq!(restored.statements(publisher).await.unwrap(), store.statements(publisher).await.unwrap());
        assert_eq!(restored.totals().await.unwrap(), store.totals().await.unwrap());
        assert_eq!(restored.pinned().await.unwrap(), store.pinned().await.unwrap());
        let repeated = restored.redeem(redemption("one", true, tokens())).await.unwrap();
        assert!(matches!(repeated, Redeemed::Replayed(_)), "{repeated:?}");
        let again = redemption("another", false, tokens());
        assert_eq!(results(&restored, again).await, [TokenResult::Spent; 40]);
        let new = redemption("new", true, (40..50).map(|number| genuine(0, number)).collect());
        assert_eq!(results(&restored, new).await, [TokenResult::Accepted; 10]);
    }
}
