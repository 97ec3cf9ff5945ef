//! The configuration is changed while the services run.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use farthing_tests::http::{self, Client};
use farthing_tests::programs::Program;
use farthing_tests::{Order, PACK, ServiceProcess, World, key_of};

use crate::world;

/// Longest wait for what must happen soon.
const PATIENCE: Duration = Duration::from_secs(30);
const ADDRESS: &str = "203.0.113.77";

/// Replaces a text of a service's configuration, which must be there.
#[track_caller]
fn edit(world: &World, program: Program, from: &str, to: &str) {
    let file = world.configuration(program);
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains(from), "{from:?} is not in: {text}");
    fs::write(&file, text.replacen(from, to, 1)).unwrap();
}

/// Adds tables, or packs, to a service's configuration.
fn append(world: &World, program: Program, tables: &str) {
    let file = world.configuration(program);
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text + tables).unwrap();
}

/// Runs `reload`; the lines it printed.
#[track_caller]
fn reload(world: &World, program: Program) -> Vec<String> {
    world.admin(program, &["reload"]).unwrap()
}

/// Runs a command that is refused; its one line.
#[track_caller]
fn refused(world: &World, program: Program, arguments: &[&str]) -> String {
    let output = world.try_admin(program, arguments).unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), error.lines().count()), (Some(1), 1), "{error}");
    error.trim_end().to_owned()
}

fn log(service: &ServiceProcess) -> String {
    fs::read_to_string(service.log()).unwrap()
}

/// Waits until the log has a text so often.
#[track_caller]
fn wait_for(service: &ServiceProcess, text: &str, times: usize) {
    let deadline = Instant::now() + PATIENCE;
    while log(service).matches(text).count() < times {
        assert!(Instant::now() < deadline, "{text:?} is not there {times} times: {}", log(service));
        thread::sleep(Duration::from_millis(10));
    }
}

/// The status of a request that counts for [`ADDRESS`].
fn ask(service: &ServiceProcess, path: &str) -> u16 {
    http::get(&format!("{}{path}", service.url()), &[("X-Forwarded-For", ADDRESS)]).unwrap().status
}

fn packs(issuer: &ServiceProcess) -> Vec<String> {
    let listed = http::get(&format!("{}/v1/packs", issuer.url()), &[]).unwrap().json();
    let packs = listed["packs"].as_array().unwrap().clone();
    packs.iter().map(|pack| pack["id"].as_str().unwrap().to_owned()).collect()
}

fn pack(id: &str, value_micros: u64) -> String {
    format!(
        "[[pack]]\nid = \"{id}\"\ntitle = \"{id}\"\ncount = 10\nvalue_micros = {value_micros}\n\
         currency = \"EUR\"\nprice_minor = 1000\n"
    )
}

#[test]
fn limits_change_and_what_was_counted_stays() {
    let world = world();
    for (program, path) in [(Program::Issuer, "/v1/packs"), (Program::Redeemer, "/v1/keys")] {
        append(
            &world,
            program,
            "[limits]\nrequests_per_minute = 1\nrequests_burst = 3\ntrusted_proxies = [\"127.0.0.1\"]\n",
        );
        let service = world.serve(program).unwrap();
        for _ in 0..3 {
            assert_eq!(ask(&service, path), 200);
        }
        assert_eq!(ask(&service, path), 429);

        assert_eq!(reload(&world, program), ["nothing has changed"]);
        assert_eq!(ask(&service, path), 429, "reading it again forgives nothing");
        edit(&world, program, "requests_burst = 3", "requests_burst = 5");
        assert_eq!(reload(&world, program), ["changed: limits.requests_burst"]);
        for _ in 0..2 {
            assert_eq!(ask(&service, path), 200);
        }
        assert_eq!(ask(&service, path), 429, "the three of before count");

        edit(&world, program, "[\"127.0.0.1\"]", "[]");
        assert_eq!(reload(&world, program), ["changed: limits.trusted_proxies"]);
        assert_eq!(ask(&service, path), 200, "the proxy is not believed any more");
        let lines = log(&service);
        assert_eq!(lines.matches("configuration reloaded").count(), 2, "{lines}");
        assert!(lines.contains("keys=limits.trusted_proxies") && !lines.contains("203.0.113"), "{lines}");
        service.stop().unwrap();
    }
}

#[test]
fn fewer_orders_may_wait_from_now_on() {
    let world = world();
    let issuer = world.serve(Program::Issuer).unwrap();
    let first = Order::make(&issuer.url(), PACK).unwrap();
    append(&world, Program::Issuer, "[limits]\npending_orders = 1\n");
    assert_eq!(reload(&world, Program::Issuer), ["changed: limits.pending_orders"]);
    let error = Order::make(&issuer.url(), PACK).unwrap_err().to_string();
    assert!(error.contains("too-many-orders"), "{error}");
    assert_eq!(first.pay(&world.voucher().unwrap()).unwrap().status, 200);
    Order::make(&issuer.url(), PACK).unwrap();
}

#[test]
fn a_pack_is_added_with_its_key_and_withdrawn_while_orders_are_open() {
    let world = world();
    let issuer = world.serve(Program::Issuer).unwrap();
    let unknown = refused(&world, Program::Issuer, &["vouchers", "mint", "--pack", "euro-10"]);
    assert!(unknown.contains("[[pack]]") && unknown.contains("reload"), "{unknown}");
    append(&world, Program::Issuer, &pack("euro-10", 1_000_000));
    assert_eq!(packs(&issuer).len(), 3, "an edited file alone changes nothing");
    assert_eq!(reload(&world, Program::Issuer), ["changed: pack"]);
    assert_eq!(packs(&issuer), [PACK, "single", "big-10", "euro-10"]);
    assert_eq!(http::get(&format!("{}/readyz", issuer.url()), &[]).unwrap().status, 200);

    // The new denomination has its key at once, and both services know it.
    let redeemer = world.serve(Program::Redeemer).unwrap();
    let key = key_of(&issuer.url(), 1_000_000).unwrap();
    let codes = world.vouchers("euro-10", 2).unwrap();
    let mut paid = Order::paid(&issuer.url(), "euro-10", &codes[0]).unwrap();
    let open = Order::make(&issuer.url(), "euro-10").unwrap();

    edit(&world, Program::Issuer, &pack("euro-10", 1_000_000), "");
    assert_eq!(reload(&world, Program::Issuer), ["changed: pack"]);
    assert_eq!(packs(&issuer), [PACK, "single", "big-10"]);
    let error = Order::make(&issuer.url(), "euro-10").unwrap_err().to_string();
    assert!(error.contains("pack-unknown"), "{error}");
    let request = paid.request(&key, 10).unwrap();
    let answer = paid.send(&request).unwrap();
    let tokens = paid.tokens(&key, &request, &answer).unwrap();
    let publisher = world.publisher("Daily").unwrap();
    assert_eq!(publisher.redeem(&redeemer.url(), "a", &tokens).unwrap().status, 200);
    assert_eq!(open.pay(&codes[1]).unwrap().status, 200, "as after a restart");
    issuer.stop().unwrap();
    let issuer = world.serve_at(Program::Issuer, &issuer_url(&world)).unwrap();
    assert_eq!(packs(&issuer), [PACK, "single", "big-10"]);
}

/// Where the issuer of a world listened last.
fn issuer_url(world: &World) -> String {
    let log = fs::read_to_string(world.path("issuer.log")).unwrap();
    let address = log.rsplit("addr=").next().unwrap().split_whitespace().next().unwrap();
    format!("http://{address}")
}

#[test]
fn a_pack_whose_key_cannot_be_made_is_not_sold() {
    let world = world();
    let issuer = world.serve(Program::Issuer).unwrap();
    let keys = world.path("data/keys");
    let key = fs::read_dir(&keys).unwrap().next().unwrap().unwrap().path();
    let good = fs::read(&key).unwrap();
    fs::write(&key, "broken").unwrap();
    append(&world, Program::Issuer, &format!("{}[limits]\nrequests_burst = 7\n", pack("euro-10", 1_000_000)));
    let line = refused(&world, Program::Issuer, &["reload"]);
    assert!(line.contains("issuer.toml: it cannot be put in force: ") && line.contains("EUR-"), "{line}");
    assert_eq!(packs(&issuer).len(), 3);
    // What needs no key can be changed all the same.
    edit(&world, Program::Issuer, &pack("euro-10", 1_000_000), &pack("cents", 10_000));
    assert_eq!(reload(&world, Program::Issuer), ["changed: pack, limits.requests_burst"]);
    assert_eq!(packs(&issuer).last().unwrap(), "cents");
    fs::write(&key, good).unwrap();
    append(&world, Program::Issuer, &pack("euro-10", 1_000_000));
    assert_eq!(reload(&world, Program::Issuer), ["changed: pack"]);
    key_of(&issuer.url(), 1_000_000).unwrap();
}

#[test]
fn a_mistake_or_a_key_that_needs_a_restart_leaves_everything_in_force() {
    let world = world();
    append(&world, Program::Issuer, "[limits]\nrequests_burst = 7\n");
    append(&world, Program::Redeemer, "[limits]\nrequests_burst = 7\n");
    for (program, path) in [(Program::Issuer, "/v1/packs"), (Program::Redeemer, "/v1/keys")] {
        let service = world.serve(program).unwrap();
        let file = world.configuration(program);
        let good = fs::read_to_string(&file).unwrap();
        let name = file.file_name().unwrap().to_str().unwrap();
        let line_of = |key: &str| 1 + good.lines().position(|line| line.starts_with(key)).unwrap();
        let again = "cannot change while the service runs: restart it, or put";
        for (from, to, said) in [
            (
                "_burst = 7",
                "_burst = 0",
                format!("line {}: limits.requests_burst: ", line_of("requests_burst")),
            ),
            ("log_level =", "log_levle =", format!("line {}: log_levle: ", line_of("log_level"))),
            ("_burst = 7", "_burst = 8\nconnections = 9", format!("limits.connections {again} it back")),
            (
                "keyring_poll_seconds = 1",
                "keyring_poll_seconds = 2\nlog_format = \"json\"",
                format!("keyring_poll_seconds, log_format {again} them back"),
            ),
            ("issuer.localhost", "other.localhost", format!("issuer_name {again} it back")),
        ] {
            edit(&world, program, from, to);
            let before = log(&service).len();
            let line = refused(&world, program, &["reload"]);
            assert!(line.contains(&format!("{name}: {said}")), "{line}");
            let written = log(&service)[before..].to_owned();
            assert_eq!(written.lines().count(), 1, "{written}");
            assert!(written.contains("ERROR") && written.contains(&said), "{written}");
            assert!(written.contains("was not reloaded; the one before stays in force"), "{written}");
            assert_eq!(ask(&service, path), 200);
            fs::write(&file, &good).unwrap();
        }
        edit(&world, program, "admin_socket = \"data/", "admin_socket = \"data/new-");
        let line = refused(&world, program, &["reload"]);
        assert!(line.contains("not running") && line.contains("put admin_socket back"), "{line}");
        fs::write(&file, "\nlisten = [\n").unwrap();
        let line = refused(&world, program, &["reload"]);
        assert!(line.contains(&format!("{name}: line 2: this is not TOML")), "{line}");
        service.hang_up().unwrap();
        wait_for(&service, "line 2: this is not TOML", 1);
        fs::write(&file, &good).unwrap();
        assert_eq!(reload(&world, program), ["nothing has changed"]);
        service.stop().unwrap();
        let line = refused(&world, program, &["reload"]);
        assert!(line.contains(".sock: the service is not running, so there is nothing to reload"), "{line}");
    }
}

#[test]
fn a_configuration_is_checked_without_a_service() {
    let world = world();
    for program in [Program::Issuer, Program::Redeemer] {
        let file = world.configuration(program).display().to_string();
        assert_eq!(world.admin(program, &["config", "check"]).unwrap(), [format!("{file} is in order")]);
        edit(&world, program, "log_level = \"trace\"", "log_level = \"loud\"");
        let line = refused(&world, program, &["config", "check"]);
        assert!(
            line.ends_with(&format!(
                "{file}: line 9: log_level: it must be one of `error`, `warn`, `info`, `debug`, `trace`"
            )),
            "{line}"
        );
    }
}

#[test]
fn the_log_level_changes_at_a_signal_unless_the_environment_sets_it() {
    let world = world();
    for program in [Program::Issuer, Program::Redeemer] {
        edit(&world, program, "\"trace\"", "\"info\"");
        let service = world.serve(program).unwrap();
        service.hang_up().unwrap();
        wait_for(&service, "the configuration was read again; nothing has changed", 1);
        edit(&world, program, "\"info\"", "\"error\"");
        service.hang_up().unwrap();
        wait_for(&service, "configuration reloaded keys=log_level", 1);

        // At `error` this is not logged.
        assert_eq!(reload(&world, program), ["nothing has changed"]);
        append(&world, program, "[limits]\nrequests_burst = 7\n");
        assert_eq!(reload(&world, program), ["changed: limits.requests_burst"]);
        assert_eq!(log(&service).matches("configuration reloaded").count(), 1);
        assert_eq!(log(&service).matches("nothing has changed").count(), 1);
        edit(&world, program, "\"error\"", "\"debug\"");
        service.hang_up().unwrap();
        wait_for(&service, "configuration reloaded keys=log_level", 2);
        service.stop().unwrap();

        let mut command = world.command(program);
        command
            .args(["serve", "--config"])
            .arg(world.configuration(program))
            .env("RUST_LOG", "error,farthing_service::server=info");
        let service = ServiceProcess::start(command, &world.path("environment.log")).unwrap().unwrap();
        edit(&world, program, "\"debug\"", "\"trace\"");
        let answer = reload(&world, program);
        assert_eq!(answer[0], "changed: log_level");
        assert!(answer[1].contains("RUST_LOG is set and keeps its place"), "{answer:?}");
        assert!(!log(&service).contains("configuration reloaded"), "{}", log(&service));
        service.stop().unwrap();
        fs::remove_file(world.path("environment.log")).unwrap();
    }
}

#[test]
fn a_reload_drops_no_request() {
    let world = world();
    let issuer = world.serve(Program::Issuer).unwrap();
    let (url, done) = (issuer.url(), AtomicBool::new(false));
    let both = [PACK, "single", "big-10", "cents"];
    let answered: usize = thread::scope(|scope| {
        let ask = || {
            let (client, mut answered) = (Client::new(), 0);
            while !done.load(Ordering::Relaxed) {
                let answer = client.get(&format!("{url}/v1/packs"), &[]).unwrap();
                assert_eq!(answer.status, 200, "{}", answer.json());
                let packs = answer.json()["packs"].clone();
                let ids: Vec<_> =
                    packs.as_array().unwrap().iter().map(|pack| pack["id"].as_str().unwrap()).collect();
                assert!(ids == both[..] || ids == both[..3], "{ids:?}");
                Order::make(&url, PACK).unwrap();
                answered += 1;
            }
            answered
        };
        let askers: Vec<_> = (0..3).map(|_| scope.spawn(ask)).collect();
        for round in 0..20 {
            if round % 2 == 0 {
                append(&world, Program::Issuer, &pack("cents", 10_000));
            } else {
                edit(&world, Program::Issuer, &pack("cents", 10_000), "");
            }
            if round % 4 < 2 {
                assert_eq!(reload(&world, Program::Issuer), ["changed: pack"]);
            } else {
                issuer.hang_up().unwrap();
                wait_for(&issuer, "configuration reloaded", round + 1);
            }
        }
        done.store(true, Ordering::Relaxed);
        askers.into_iter().map(|asker| asker.join().unwrap()).sum()
    });
    assert!(answered > 0);
    assert_eq!(log(&issuer).matches("configuration reloaded").count(), 20);
    assert!(!log(&issuer).contains("ERROR"), "{}", log(&issuer));
}
