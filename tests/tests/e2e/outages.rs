//! Redis fails in every way that it can: the answer is 503 until it is mended, never a wrong one.

use std::time::{Duration, Instant};

use farthing_service::redis::test_server::TestServer;
use farthing_tests::programs::Program;
use farthing_tests::{Order, PACK, Publisher, Reader, Redeemed, ServiceProcess, World, http};

use crate::on_redis;

const PATIENCE: Duration = Duration::from_secs(30);

/// A world on Redis in which a token is spent and others are not.
struct Scene {
    world: World,
    issuer: ServiceProcess,
    redeemer: ServiceProcess,
    publisher: Publisher,
    spent: Vec<String>,
    fresh: Vec<String>,
}

impl Scene {
    fn new() -> Self {
        let world = on_redis();
        let (issuer, redeemer) =
            (world.serve(Program::Issuer).unwrap(), world.serve(Program::Redeemer).unwrap());
        let publisher = world.publisher("Example").unwrap();
        let reader = world.reader("reader");
        reader.buy(&issuer, &redeemer, &world.voucher().unwrap()).unwrap();
        let spent = reader.export(1).unwrap();
        assert_eq!(publisher.redeem(&redeemer.url(), "spent", &spent).unwrap().status, 200);
        let fresh = reader.export(5).unwrap();
        Self { world, issuer, redeemer, publisher, spent, fresh }
    }

    fn redeem(&self, key: &str, tokens: &[String]) -> Redeemed {
        self.publisher.redeem(&self.redeemer.url(), key, tokens).unwrap()
    }

    /// Whatever is asked of either service is unavailable, and nothing is a wrong answer.
    fn assert_unavailable(&self, what: &str) {
        for (key, tokens) in [("spent", &self.spent), ("again", &self.spent), ("fresh", &self.fresh)] {
            let answer = self.redeem(key, tokens);
            assert_eq!(answer.status, 503, "{what}: {}", answer.body);
        }
        let order = Order::make(&self.issuer.url(), PACK);
        assert!(order.unwrap_err().to_string().starts_with("503"), "{what}");
        for (service, program) in [(&self.issuer, Program::Issuer), (&self.redeemer, Program::Redeemer)] {
            let asked = self.world.try_admin(program, &["ready"]).unwrap();
            let error = String::from_utf8(asked.stderr).unwrap();
            let line = format!("farthing-{}: the store does not answer\n", program.argument());
            assert_eq!((asked.status.code(), error), (Some(1), line), "{what}");
            assert_eq!(http::get(&format!("{}/readyz", service.url()), &[]).unwrap().status, 503, "{what}");
            assert_eq!(http::get(&format!("{}/healthz", service.url()), &[]).unwrap().status, 200, "{what}");
        }
    }

    /// After mending, what was spent is spent, what was not can be, and the publisher has the credit of both.
    fn assert_right(&self, what: &str) {
        let deadline = Instant::now() + PATIENCE;
        let first = loop {
            let answer = self.redeem("fresh", &self.fresh);
            if answer.status != 503 || Instant::now() > deadline {
                break answer;
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        assert_eq!(first.status, 200, "{what}: {}", first.body);
        assert_eq!(self.redeem("again", &self.spent).body["results"][0], "spent", "{what}");
        assert_eq!(self.redeem("spent", &self.spent).status, 200, "{what}");
        assert_eq!(self.publisher.credit_micros(&self.redeemer.url()).unwrap(), 60_000, "{what}");
        while Order::make(&self.issuer.url(), PACK).is_err() {
            assert!(Instant::now() < deadline, "{what}");
        }
    }

    fn on_both(&self, act: impl Fn(&mut TestServer)) {
        for program in [Program::Issuer, Program::Redeemer] {
            act(&mut self.world.server(program).unwrap());
        }
    }
}

fn command(server: &TestServer, parts: &[&str]) {
    let mut command = redis::cmd(parts[0]);
    for part in &parts[1..] {
        command.arg(*part);
    }
    command.exec(&mut server.connection().unwrap()).unwrap();
}

#[test]
fn redis_is_killed_and_comes_back() {
    let scene = Scene::new();
    scene.on_both(|server| server.kill().unwrap());
    scene.assert_unavailable("killed");
    scene.on_both(|server| server.restart().unwrap());
    scene.assert_right("restarted");
}

#[test]
fn redis_is_silent_for_a_while() {
    let scene = Scene::new();
    scene.on_both(|server| command(server, &["CLIENT", "PAUSE", "12000", "ALL"]));
    let asked = Instant::now();
    let answer = scene.redeem("fresh", &scene.fresh);
    assert_eq!(answer.status, 503, "{}", answer.body);
    assert!(asked.elapsed() < Duration::from_secs(11), "{:?}", asked.elapsed());
    scene.assert_right("no longer paused");
}

#[test]
fn redis_is_full() {
    let scene = Scene::new();
    scene.on_both(|server| command(server, &["CONFIG", "SET", "maxmemory", "1"]));
    let answer = scene.redeem("fresh", &scene.fresh);
    assert_eq!(answer.status, 503, "{}", answer.body);
    assert!(Order::make(&scene.issuer.url(), PACK).is_err());
    // What is only read is still answered, and rightly.
    assert_eq!(scene.redeem("spent", &scene.spent).status, 200);
    scene.on_both(|server| command(server, &["CONFIG", "SET", "maxmemory", "0"]));
    scene.assert_right("room again");
}

#[test]
fn redis_is_emptied_and_restored_from_its_log() {
    let scene = Scene::new();
    let copies: Vec<_> = [Program::Issuer, Program::Redeemer]
        .map(|program| {
            let server = scene.world.server(program).unwrap();
            let copy = scene.world.path(format!("{}.aof", program.argument()));
            let copied = std::process::Command::new("cp")
                .arg("-r")
                .arg(server.directory().join("appendonlydir"))
                .arg(&copy)
                .status();
            assert!(copied.unwrap().success());
            copy
        })
        .into();
    scene.on_both(|server| command(server, &["FLUSHALL"]));
    scene.assert_unavailable("emptied");
    for (program, copy) in [Program::Issuer, Program::Redeemer].into_iter().zip(copies) {
        let mut server = scene.world.server(program).unwrap();
        server.kill().unwrap();
        let log = server.directory().join("appendonlydir");
        std::fs::remove_dir_all(&log).unwrap();
        std::fs::rename(copy, log).unwrap();
        server.restart().unwrap();
    }
    scene.assert_right("restored");
}

#[test]
fn redis_is_swapped_for_another_or_comes_back_without_its_log() {
    let scene = Scene::new();
    scene.on_both(|server| {
        server.kill().unwrap();
        std::fs::rename(server.directory().join("appendonlydir"), server.directory().join("lost")).unwrap();
        server.restart().unwrap();
    });
    scene.assert_unavailable("without its log");
    let fresh = scene.world.try_serve(Program::Redeemer, None).unwrap().expect_err("no birth record");
    assert!(fresh.log.contains("no birth record"), "{}", fresh.log);
    // A store that is made anew there is another one, and its keys are older than it.
    scene.world.move_clock(60).unwrap();
    scene.world.admin(Program::Redeemer, &["store", "init"]).unwrap();
    scene.world.admin(Program::Issuer, &["store", "init"]).unwrap();
    scene.assert_unavailable("another");
    let fresh =
        scene.world.try_serve(Program::Redeemer, None).unwrap().expect_err("keys older than the store");
    assert!(fresh.log.contains("made before this store"), "{}", fresh.log);
    scene.on_both(|server| {
        server.kill().unwrap();
        std::fs::remove_dir_all(server.directory().join("appendonlydir")).unwrap();
        std::fs::rename(server.directory().join("lost"), server.directory().join("appendonlydir")).unwrap();
        server.restart().unwrap();
    });
    scene.assert_right("with its log");
}

#[test]
fn a_purchase_goes_on_after_an_outage() {
    let scene = Scene::new();
    let reader = scene.world.reader("second");
    let voucher = scene.world.voucher().unwrap();
    scene.on_both(|server| server.kill().unwrap());
    let (issuer, redeemer) = (scene.issuer.url(), scene.redeemer.url());
    let bought = reader.run(&Reader::buying(&issuer, &redeemer, &voucher)).unwrap();
    assert_eq!(bought.status.code(), Some(3), "{}", bought.error);
    scene.on_both(|server| server.restart().unwrap());
    let deadline = Instant::now() + PATIENCE;
    while reader.tokens().unwrap() == 0 {
        reader.run(&["resume"]).unwrap();
        assert!(Instant::now() < deadline);
    }
    assert_eq!(reader.tokens().unwrap(), 100);
}
