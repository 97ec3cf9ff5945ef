//! A store that is divided over the shards of a cluster is backed up in use, and restored where it is divided otherwise.

use std::fs;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use farthing_service::redis::test_server::TestServer;
use farthing_tests::programs::Program;
use farthing_tests::redis_servers::{RedisServers, Topology};
use farthing_tests::{ServiceProcess, StoreTables, World};
use serde_json::json;

use crate::backups::{assert_in_order, not_started, redeem_until, refused, results, wait_for};
use crate::store_moves::use_store;
use crate::{BINARY, alone};

const ONE_CENT: u64 = 10_000;
const EMBEDDED: &str = "{ kind = \"embedded\", path = \"data/restored-redeemer.db\" }";

/// A redeemer whose store has six groups on a cluster of three shards.
fn on_cluster(servers: &RedisServers) -> World {
    let tables = StoreTables {
        issuer: "{ kind = \"embedded\", path = \"data/issuer.db\" }".to_owned(),
        redeemer: servers.table(None),
    };
    World::unprepared_on(BINARY, tables).unwrap().prepared_in(6).unwrap()
}

#[test]
fn a_divided_store_is_restored_wherever_it_may_be() {
    let _alone = alone();
    let servers = RedisServers::start(Topology::Cluster).unwrap();
    let world = on_cluster(&servers);
    let (issuer, redeemer) = (world.serve(Program::Issuer).unwrap(), world.serve(Program::Redeemer).unwrap());
    let reader = world.reader("reader");
    reader.buy(&issuer, &redeemer, &world.voucher().unwrap()).unwrap();
    issuer.stop().unwrap();
    let publisher = world.publisher("Example").unwrap();
    let early = reader.export(20).unwrap();
    let unspent = [2, 2, 2].map(|count| reader.export(count).unwrap());
    let many = reader.export(70).unwrap();
    assert_eq!(publisher.redeem(&redeemer.url(), "early", &early).unwrap().status, 200);

    let (stop, taken) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        let (url, stop, taken) = (redeemer.url(), &stop, &taken);
        let (many, publisher) = (&many, &publisher);
        let redeeming = scope.spawn(move || redeem_until(stop, taken, publisher, &url, many));
        wait_for(taken, 3);
        world.admin(Program::Redeemer, &["store", "backup", "--output", "store.backup"]).unwrap();
        assert_in_order(&world, Program::Redeemer);
        stop.store(true, Ordering::Relaxed);
        redeeming.join().unwrap();
    });
    let taken = taken.into_inner();
    redeemer.stop().unwrap();
    assert_in_order(&world, Program::Redeemer);
    let exists = refused(&world, Program::Redeemer, &["store", "restore", "--input", "store.backup"]);
    assert!(exists.contains(" has a store already"), "{exists}");

    let restoring = ["store", "restore", "--input", "store.backup"];
    // Whether it is divided as it was, otherwise, or not at all.
    let ways: [(bool, &[&str]); 3] = [(true, &[]), (true, &["--groups", "2"]), (false, &[])];
    for ((on_redis, groups), unspent) in ways.into_iter().zip(&unspent) {
        let server = on_redis.then(|| TestServer::start().unwrap());
        let table =
            server.as_ref().map(|server| format!("{{ kind = \"redis\", url = \"{}\" }}", server.url()));
        use_store(&world, Program::Redeemer, table.as_deref().unwrap_or(EMBEDDED));
        if !on_redis {
            let secret = world.path("redeemer.idempotency-secret");
            fs::copy(secret, world.path("data/restored-redeemer.idempotency-secret")).unwrap();
            let undivided = [&restoring[..], &["--groups", "2"]].concat();
            let undivided = refused(&world, Program::Redeemer, &undivided);
            assert!(undivided.contains("the embedded store is one"), "{undivided}");
        }
        world.admin(Program::Redeemer, &[&restoring[..], groups].concat()).unwrap();
        assert_in_order(&world, Program::Redeemer);
        assert!(not_started(&world, Program::Redeemer).contains("store close-gap"));
        world.admin(Program::Redeemer, &["store", "close-gap", "--accept-loss"]).unwrap();
        let redeemer: ServiceProcess = world.serve(Program::Redeemer).unwrap();
        let url = redeemer.url();
        let credit = publisher.credit_micros(&url).unwrap();
        assert!((23 * ONE_CENT..=(20 + taken) * ONE_CENT).contains(&credit), "{credit}");
        let repeated = publisher.redeem(&url, "early", &early).unwrap();
        assert!(repeated.status == 200 && repeated.answer().unwrap().replayed, "{}", repeated.body);
        assert_eq!(results(&publisher, &url, "again", &early), json!(vec!["spent"; 20]));
        for (number, token) in many[..3].iter().enumerate() {
            let name = format!("again-{number}");
            assert_eq!(results(&publisher, &url, &name, std::slice::from_ref(token)), json!(["spent"]));
        }
        assert_eq!(results(&publisher, &url, "new", unspent), json!(["accepted", "accepted"]));
        assert_eq!(publisher.credit_micros(&url).unwrap(), credit + 2 * ONE_CENT);
        redeemer.stop().unwrap();
        assert_in_order(&world, Program::Redeemer);
    }
}
