//! A failover while replicas lag: what was not confirmed is not answered, and what was answered is not lost.

use std::time::{Duration, Instant};

use farthing_tests::programs::Program;
use farthing_tests::redis_servers::{RedisServers, Topology};
use farthing_tests::{Order, PACK, Publisher, Redeemed, ServiceProcess, StoreTables, World};
use serde_json::json;

use crate::{BINARY, alone, on_redis};

/// Servers take some seconds to find out that one of them is gone, and a Sentinel looks at roles every ten.
const PATIENCE: Duration = Duration::from_secs(90);

/// Two redeemers on one store whose servers can fail, and tokens to spend. The issuer keeps to itself.
struct Scene {
    servers: RedisServers,
    world: World,
    redeemers: [ServiceProcess; 2],
    publisher: Publisher,
    tokens: Vec<String>,
}

impl Scene {
    fn new(topology: Topology) -> Self {
        let mut servers = RedisServers::start(topology).unwrap();
        servers.look_at_key("{farthing-redeemer}").unwrap();
        let table = servers.table(None);
        Self::on(servers, table)
    }

    fn on(servers: RedisServers, table: String) -> Self {
        let tables = StoreTables {
            issuer: "{ kind = \"embedded\", path = \"data/issuer.db\" }".to_owned(),
            redeemer: table,
        };
        let world = World::unprepared_on(BINARY, tables).unwrap().prepared().unwrap();
        let issuer = world.serve(Program::Issuer).unwrap();
        let redeemers = [0, 1].map(|number| world.try_serve_another(Program::Redeemer, number).unwrap());
        let redeemers = redeemers.map(|started| started.unwrap_or_else(|crashed| panic!("{}", crashed.log)));
        let publisher = world.publisher("Example").unwrap();
        let reader = world.reader("reader");
        reader.buy(&issuer, &redeemers[0], &world.voucher().unwrap()).unwrap();
        let tokens = reader.export(3).unwrap();
        Self { servers, world, redeemers, publisher, tokens }
    }

    fn redeem(&self, redeemer: usize, key: &str, token: usize) -> Redeemed {
        let url = self.redeemers[redeemer].url();
        self.publisher.redeem(&url, key, &self.tokens[token..=token]).unwrap()
    }

    /// Repeats the request until it is answered.
    fn answer(&self, redeemer: usize, key: &str, token: usize) -> Redeemed {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let answer = self.redeem(redeemer, key, token);
            if answer.status != 503 {
                return answer;
            }
            assert!(Instant::now() < deadline, "{key}: {}", answer.body);
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn assert_accepted(&self, redeemer: usize, key: &str, token: usize) -> bool {
        let answer = self.answer(redeemer, key, token);
        assert_eq!(answer.status, 200, "{key}: {}", answer.body);
        answer.answer().unwrap().replayed
    }

    fn assert_spent(&self, redeemer: usize, key: &str, token: usize) {
        let answer = self.answer(redeemer, key, token);
        assert_eq!((answer.status, &answer.body["results"]), (409, &json!(["spent"])), "{key}");
    }

    fn credit(&self) -> u64 {
        self.publisher.credit_micros(&self.redeemers[0].url()).unwrap()
    }
}

/// The replicas lose their connections while they cannot make new ones, so they have nothing of the second spend when
/// one of them takes over.
fn a_spend_that_no_replica_has_is_not_answered(topology: Topology) {
    let _alone = alone();
    let mut scene = Scene::new(topology);
    scene.assert_accepted(0, "first", 0);
    let master = scene.servers.master().unwrap();
    let followers = scene.servers.followers().unwrap();
    for at in &followers {
        scene.servers.servers[*at].stop().unwrap();
    }
    scene.servers.servers[master].ask::<u64>(&["CLIENT", "KILL", "TYPE", "replica"]).unwrap();
    for redeemer in [0, 1, 0] {
        let refused = scene.redeem(redeemer, "second", 1);
        assert_eq!(refused.status, 503, "{}", refused.body);
    }
    scene.servers.servers[master].kill().unwrap();
    for at in &followers {
        scene.servers.servers[*at].go_on().unwrap();
    }
    let deadline = Instant::now() + PATIENCE;
    while scene.servers.master().is_err() {
        assert!(Instant::now() < deadline, "nobody took over");
        std::thread::sleep(Duration::from_millis(50));
    }
    scene.servers.servers[master].start().unwrap();
    scene.servers.settle().unwrap();
    assert_ne!(scene.servers.master().unwrap(), master, "another took over");

    scene.assert_spent(1, "other", 0);
    assert!(scene.assert_accepted(1, "first", 0), "the first answer again");
    assert!(!scene.assert_accepted(1, "second", 1), "the replicas did not have it");
    scene.assert_spent(0, "another", 1);
    assert!(scene.assert_accepted(0, "second", 1));
    assert_eq!(scene.credit(), 20_000);
}

#[test]
fn a_spend_that_no_replica_has_is_not_answered_under_sentinels() {
    a_spend_that_no_replica_has_is_not_answered(Topology::Sentinel);
}

#[test]
fn a_spend_that_no_replica_has_is_not_answered_in_a_cluster() {
    a_spend_that_no_replica_has_is_not_answered(Topology::Cluster);
}

#[test]
fn a_replica_that_joins_later_must_confirm_as_well() {
    let _alone = alone();
    let mut scene = Scene::new(Topology::Sentinel);
    scene.servers.add_replica().unwrap();
    scene.servers.settle().unwrap();
    scene.servers.servers[3].stop().unwrap();
    let deadline = Instant::now() + PATIENCE;
    // It may be promoted, so as soon as the redeemer knows of it nothing is answered without it.
    while scene.redeem(0, "first", 0).status == 200 {
        assert!(Instant::now() < deadline, "the new replica is not asked for");
        std::thread::sleep(Duration::from_millis(50));
    }
    scene.servers.servers[3].go_on().unwrap();
    assert!(scene.assert_accepted(0, "first", 0));
}

/// A server that was cut off and replaced answers on, and has lost its replicas. That a full one takes no writes is no
/// reason to have no backup of it.
#[test]
fn a_backup_is_of_a_server_that_its_replicas_follow() {
    let _alone = alone();
    let mut scene = Scene::new(Topology::Sentinel);
    scene.assert_accepted(0, "first", 0);
    let back_up = |scene: &Scene, file: &str| {
        let output =
            scene.world.try_admin(Program::Redeemer, &["store", "backup", "--output", file]).unwrap();
        (output.status.success(), String::from_utf8(output.stderr).unwrap())
    };
    scene.servers.servers[1].stop().unwrap();
    let (is_made, error) = back_up(&scene, "alone.backup");
    assert!(!is_made && error.contains("1 of 2 replicas follow"), "{error}");
    scene.servers.servers[1].go_on().unwrap();
    scene.servers.settle().unwrap();
    scene.servers.servers[0].ask::<()>(&["CONFIG", "SET", "maxmemory", "1"]).unwrap();
    assert_eq!(scene.redeem(0, "second", 1).status, 503, "it is full");
    let (is_made, error) = back_up(&scene, "full.backup");
    assert!(is_made, "{error}");
}

#[test]
fn a_cluster_that_moves_replicas_between_shards_is_refused() {
    let _alone = alone();
    let scene = Scene::new(Topology::Cluster);
    for node in &scene.servers.servers {
        node.ask::<()>(&["CONFIG", "SET", "cluster-allow-replica-migration", "yes"]).unwrap();
    }
    let refused = scene.world.try_serve_another(Program::Redeemer, 2).unwrap().expect_err("it is unfit");
    assert!(refused.log.contains("cluster-allow-replica-migration is yes and must be no"), "{}", refused.log);
}

/// A server may count replicas as confirming for a connection that wrote nothing.
fn a_retry_that_finds_its_mark_waits_for_the_replicas(mut scene: Scene) {
    scene.assert_accepted(0, "first", 0);
    scene.servers.servers[1].stop().unwrap();
    for redeemer in [0, 0, 1] {
        let refused = scene.redeem(redeemer, "second", 1);
        assert_eq!(refused.status, 503, "{}", refused.body);
    }
    let other = scene.redeem(1, "other", 1);
    assert_eq!(other.status, 503, "whether it is spent is not known: {}", other.body);
    scene.servers.servers[1].go_on().unwrap();
    assert!(scene.assert_accepted(0, "second", 1), "the mark was kept");
    scene.assert_spent(1, "other", 1);
    assert_eq!(scene.credit(), 20_000);
}

#[test]
fn a_retry_that_finds_its_mark_waits_for_the_replicas_disks() {
    let _alone = alone();
    let scene = Scene::new(Topology::Standalone { replicas: 1 });
    a_retry_that_finds_its_mark_waits_for_the_replicas(scene);
}

#[test]
fn a_retry_that_finds_its_mark_waits_for_the_replicas_memory() {
    let _alone = alone();
    let servers = RedisServers::start(Topology::Standalone { replicas: 1 }).unwrap();
    let table = servers.table(None).replace(" }", ", weak_durability = true }");
    a_retry_that_finds_its_mark_waits_for_the_replicas(Scene::on(servers, table));
}

/// How often the server was asked which replicas have what was read or written.
fn confirmations(scene: &Scene) -> u64 {
    let told: String = scene.servers.servers[0].ask(&["INFO", "commandstats"]).unwrap();
    let calls = told.lines().filter_map(|line| {
        let (command, calls) = line.split_once(":calls=")?;
        matches!(command, "cmdstat_wait" | "cmdstat_waitaof").then_some(calls)
    });
    calls.map(|calls| calls.split(',').next().unwrap().parse::<u64>().unwrap()).sum()
}

/// It is signed, so what it says must not be taken back: its statements, which credits there are, and what they come to.
#[test]
fn all_of_a_balance_is_confirmed_by_the_replicas() {
    let _alone = alone();
    let scene = Scene::new(Topology::Standalone { replicas: 1 });
    scene.assert_accepted(0, "first", 0);
    let before = confirmations(&scene);
    for _ in 0..10 {
        assert_eq!(scene.credit(), 10_000);
    }
    let asked = confirmations(&scene) - before;
    assert!(asked >= 30, "{asked} of 30 answers were confirmed");
}

/// A server that was replaced may say that the voucher has paid the order, and the one that took over that it has not.
#[test]
fn a_payment_that_the_order_does_not_know_is_not_answered() {
    let world = on_redis();
    let issuer = world.serve(Program::Issuer).unwrap();
    let voucher = world.voucher().unwrap();
    let order = Order::make(&issuer.url(), PACK).unwrap();
    let mut server = world.server(Program::Issuer).unwrap().connection().unwrap();
    let key = |server: &mut redis::Connection, pattern: &str| -> Vec<u8> {
        let keys: Vec<Vec<u8>> = redis::cmd("KEYS").arg(pattern).query(server).unwrap();
        keys.into_iter().next().unwrap()
    };
    let (vouchers, orders) = (key(&mut server, "*}:vouchers:*"), key(&mut server, "*}:orders:*"));
    let id: Vec<u8> = redis::cmd("HGET").arg(&orders).arg("id").query(&mut server).unwrap();
    redis::cmd("HSET").arg(&vouchers).arg("used-by").arg(&id).exec(&mut server).unwrap();
    let refused = order.pay(&voucher).unwrap();
    assert_eq!(refused.status, 503, "{}", refused.json());
    redis::cmd("HDEL").arg(&vouchers).arg("used-by").exec(&mut server).unwrap();
    assert_eq!(order.pay(&voucher).unwrap().json()["state"], "paid");
    assert_eq!(order.pay(&voucher).unwrap().json()["state"], "paid", "and again");
}
