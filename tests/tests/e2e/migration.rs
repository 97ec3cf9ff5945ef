//! Stores are moved while the services work on them.

mod crashes;
mod issuer;
mod refusals;

use std::fs;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use farthing_service::redis::test_server::TestServer;
use farthing_tests::programs::Program;
use farthing_tests::redis_servers::{RedisServers, Topology};
use farthing_tests::{Publisher, Redeemed, ServiceProcess, StoreTables, World, http};
use serde_json::json;

use crate::backups::{assert_in_order, results};
use crate::{BINARY, alone, world};

/// Longest wait for something to happen.
const PATIENCE: Duration = Duration::from_secs(90);
const ONE_CENT: u64 = 10_000;
/// Tokens of one client.
const TOKENS: u32 = 30;
const CLIENTS: usize = 3;
/// How many of them are for the time after the move.
const LATE: usize = 5;
/// Redemptions before the move is begun.
const BEFORE: usize = 12;

/// The configuration that the service will have.
const NEW: &str = "new.toml";

/// Writes a configuration that differs from the present one in the table `store` alone.
fn write_new(world: &World, program: Program, table: &str) {
    let text = fs::read_to_string(world.configuration(program)).unwrap();
    let store = format!("store = {table}");
    let lines = text.lines().map(|line| if line.starts_with("store = ") { store.as_str() } else { line });
    fs::write(world.path(NEW), lines.collect::<Vec<_>>().join("\n")).unwrap();
}

/// A server to move to, with a configuration that names it.
fn new_place(world: &World, program: Program) -> TestServer {
    let server = TestServer::start().unwrap();
    write_new(world, program, &format!("{{ kind = \"redis\", url = \"{}\" }}", server.url()));
    server
}

/// Puts the new configuration into the place of the old one, as the operator does.
fn take_new(world: &World, program: Program) {
    fs::copy(world.path(NEW), world.configuration(program)).unwrap();
}

/// Copies the secret that lies beside an embedded store to where it is looked for with one on Redis.
fn copy_secret(world: &World) {
    let (from, to) =
        (world.path("data/redeemer.idempotency-secret"), world.path("redeemer.idempotency-secret"));
    fs::copy(from, to).unwrap();
}

fn migrate(world: &World, program: Program) -> Vec<String> {
    let told = world.admin(program, &["store", "migrate", "--to", NEW]).unwrap();
    assert_moved(&told);
    told
}

fn assert_moved(told: &[String]) {
    assert!(told[0].starts_with("moved ") && told[0].contains("has refused everything for"), "{told:?}");
    assert!(told[2].contains("stop every process") && told[2].contains("503"), "{told:?}");
}

/// Why a service does not start on a store that was moved: one line.
fn assert_refuses_to_start(world: &World, program: Program) {
    let crashed = world.try_serve(program, None).unwrap().expect_err("it serves a store that was moved");
    let line = crashed.log.lines().last().unwrap_or_default();
    assert!(line.contains("the store was moved to ") && line.contains("start it"), "{}", crashed.log);
}

/// What clients of redeemers share.
struct Load<'a> {
    publisher: &'a Publisher,
    /// Where the redeemers are, one process after the other.
    places: Mutex<Vec<String>>,
    taken: AtomicUsize,
    is_moved: AtomicBool,
}

impl Load<'_> {
    /// A client: redeems each token until it is answered, at whichever process, and at once cheats with it. Some tokens are
    /// for the time after the move; until then it repeats itself.
    fn redeem_all(&self, name: &str, tokens: &[String]) {
        for (number, token) in tokens.iter().enumerate() {
            let (token, key) = (std::slice::from_ref(token), format!("{name}-{number}"));
            while number + LATE == tokens.len() && !self.is_moved.load(Ordering::SeqCst) {
                self.assert_kept(number, &format!("{name}-0"), &tokens[..1]);
            }
            let accepted = self.until_answered(number, &key, token);
            assert_eq!(accepted.status, 200, "{key}: {}", accepted.body);
            self.taken.fetch_add(1, Ordering::SeqCst);
            self.assert_kept(number + 1, &key, token);
        }
    }

    /// The same redemption gets the same answer, and another of the same token nothing.
    fn assert_kept(&self, choice: usize, key: &str, token: &[String]) {
        let repeated = self.until_answered(choice, key, token);
        assert!(repeated.status == 200 && repeated.answer().unwrap().replayed, "{key}: {}", repeated.body);
        let spent = self.until_answered(choice, &format!("{key}-again"), token);
        assert_eq!((spent.status, &spent.body["results"]), (409, &json!(["spent"])), "{key}");
    }

    /// Repeats a redemption until somebody knows.
    fn until_answered(&self, choice: usize, key: &str, tokens: &[String]) -> Redeemed {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let url = {
                let places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
                places[choice % places.len()].clone()
            };
            match self.publisher.redeem(&url, key, tokens) {
                Ok(answer) if answer.status != 503 => return answer,
                other => assert!(Instant::now() < deadline, "{key}: {other:?}"),
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// Moves the redeemer's store while clients redeem at all of its processes, and starts these again with the new
/// configuration. All that was answered must hold.
fn moves_under_load(
    world: &World,
    processes: Vec<ServiceProcess>,
    tokens: &[Vec<String>],
    publisher: &Publisher,
    arguments: &[&str],
    again: impl FnOnce() -> Vec<ServiceProcess>,
) -> Vec<ServiceProcess> {
    let places = Mutex::new(processes.iter().map(ServiceProcess::url).collect());
    let (taken, is_moved) = (AtomicUsize::new(0), AtomicBool::new(false));
    let load = Load { publisher, places, taken, is_moved };
    let processes = std::thread::scope(|scope| {
        for (number, tokens) in tokens.iter().enumerate() {
            let load = &load;
            scope.spawn(move || load.redeem_all(&format!("client-{number}"), tokens));
        }
        let deadline = Instant::now() + PATIENCE;
        while load.taken.load(Ordering::SeqCst) < BEFORE {
            assert!(Instant::now() < deadline, "nothing is redeemed");
            std::thread::sleep(Duration::from_millis(5));
        }
        let told = world.admin(Program::Redeemer, arguments).unwrap();
        assert_moved(&told);
        load.is_moved.store(true, Ordering::SeqCst);
        for process in &processes {
            let answer = http::get(&format!("{}/readyz", process.url()), &[]).unwrap();
            assert_eq!(answer.status, 503);
            assert!(
                answer.json()["detail"].as_str().unwrap().contains("the store was moved"),
                "{}",
                answer.json()
            );
            let log = fs::read_to_string(process.log()).unwrap();
            assert!(log.contains("the store was moved to ") && log.contains("and start it"), "{log}");
        }
        for process in processes {
            process.stop().unwrap();
        }
        assert_refuses_to_start(world, Program::Redeemer);
        take_new(world, Program::Redeemer);
        let processes = again();
        *load.places.lock().unwrap() = processes.iter().map(ServiceProcess::url).collect();
        processes
    });
    let url = processes[0].url();
    let all: Vec<String> = tokens.concat();
    assert_eq!(publisher.credit_micros(&url).unwrap(), ONE_CENT * all.len() as u64);
    for some in all.chunks(30) {
        assert_eq!(results(publisher, &url, "all", some), json!(vec!["spent"; some.len()]));
    }
    processes
}

/// Tokens for each client.
fn tokens_for_clients(world: &World, issuer: &ServiceProcess, redeemer: &ServiceProcess) -> Vec<Vec<String>> {
    let reader = world.reader("reader");
    reader.buy(issuer, redeemer, &world.voucher().unwrap()).unwrap();
    (0..CLIENTS).map(|_| reader.export(TOKENS).unwrap()).collect()
}

#[test]
fn a_redeemer_moves_from_the_embedded_store_to_redis_while_it_redeems() {
    let world = world();
    let issuer = world.serve(Program::Issuer).unwrap();
    let redeemer = world.serve(Program::Redeemer).unwrap();
    let tokens = tokens_for_clients(&world, &issuer, &redeemer);
    let publisher = world.publisher("Example").unwrap();
    let _server = new_place(&world, Program::Redeemer);
    copy_secret(&world);
    let arguments = ["store", "migrate", "--to", NEW];
    let again = || vec![world.serve(Program::Redeemer).unwrap()];
    moves_under_load(&world, vec![redeemer], &tokens, &publisher, &arguments, again);
    assert_in_order(&world, Program::Redeemer);
    let birth = world.dump(Program::Redeemer).unwrap().into_iter().find(|record| record["table"] == "birth");
    assert_eq!(birth.unwrap()["record"]["restores"], json!(null), "it has no gap");
}

#[test]
fn redeemers_move_from_a_server_to_a_cluster_while_they_redeem() {
    let _alone = alone();
    let [old, new] = [Topology::Standalone { replicas: 1 }, Topology::Cluster];
    let (old, new) = (RedisServers::start(old).unwrap(), RedisServers::start(new).unwrap());
    let tables = StoreTables {
        issuer: "{ kind = \"embedded\", path = \"data/issuer.db\" }".to_owned(),
        redeemer: old.table(None),
    };
    let world = World::unprepared_on(BINARY, tables).unwrap().prepared().unwrap();
    let issuer = world.serve(Program::Issuer).unwrap();
    let serve = || {
        let started = [0, 1].map(|number| world.try_serve_another(Program::Redeemer, number).unwrap());
        started.map(|started| started.unwrap_or_else(|crashed| panic!("{}", crashed.log))).into()
    };
    let redeemers: Vec<ServiceProcess> = serve();
    let tokens = tokens_for_clients(&world, &issuer, &redeemers[0]);
    let publisher = world.publisher("Example").unwrap();
    write_new(&world, Program::Redeemer, &new.table(None));
    let arguments = ["store", "migrate", "--to", NEW, "--groups", "3"];
    moves_under_load(&world, redeemers, &tokens, &publisher, &arguments, serve);
    assert_in_order(&world, Program::Redeemer);
}
