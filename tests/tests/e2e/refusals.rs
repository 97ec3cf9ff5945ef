//! What a service does when what it stands on is not in order: it refuses to start, or says 503, and says why.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use farthing_tests::programs::Program;
use farthing_tests::{Order, PACK, World, http};

use crate::{BINARY, world};

/// The one line with which a service refused to start.
fn refusal(world: &World, program: Program) -> String {
    let crashed = world.try_serve(program, None).unwrap().expect_err("the service should refuse to start");
    assert_eq!(crashed.status.code(), Some(1), "{}", crashed.log);
    let lines: Vec<_> = crashed.log.lines().filter(|line| line.starts_with("farthing-")).collect();
    assert_eq!(lines.len(), 1, "{}", crashed.log);
    lines[0].to_owned()
}

#[track_caller]
fn assert_says(line: &str, parts: &[&str]) {
    for part in parts {
        assert!(line.contains(part), "{part:?} is not in: {line}");
    }
}

#[test]
fn a_configuration_with_a_mistake_names_it() {
    let world = world();
    for (rest, parts) in [
        ("colour = \"red\"\n", vec!["issuer.toml", "line 10", "colour"]),
        ("order_days = \"three\"\n", vec!["issuer.toml", "line 10", "order_days"]),
        ("", vec!["issuer.toml", "pack"]),
        (
            "[[pack]]\nid = \"a\"\ntitle = \"a\"\ncount = 0\nvalue_micros = 1\ncurrency = \"EUR\"\nprice_minor = 1\n",
            vec!["pack[0].count"],
        ),
    ] {
        world.write_configuration(Program::Issuer, rest).unwrap();
        assert_says(&refusal(&world, Program::Issuer), &parts);
    }
    world.write_configuration(Program::Redeemer, "colour = \"red\"\n").unwrap();
    assert_says(&refusal(&world, Program::Redeemer), &["redeemer.toml", "line 10", "colour"]);
}

#[test]
fn what_was_not_set_up_is_named() {
    let world = World::unprepared(BINARY).unwrap();
    assert_says(&refusal(&world, Program::Issuer), &["issuer.db", "store init"]);
    assert_says(&refusal(&world, Program::Redeemer), &["redeemer.db", "store init"]);
    let early = world.try_admin(Program::Issuer, &["keys", "init"]).unwrap();
    assert_says(&String::from_utf8_lossy(&early.stderr), &["store init"]);
    world.admin(Program::Issuer, &["store", "init"]).unwrap();
    world.admin(Program::Redeemer, &["store", "init"]).unwrap();
    assert_says(&refusal(&world, Program::Issuer), &["data/keys", "keys init"]);
    assert_says(&refusal(&world, Program::Redeemer), &["data/keys", "keys init"]);
    world.admin(Program::Issuer, &["keys", "init"]).unwrap();
    world.serve(Program::Issuer).unwrap().stop().unwrap();
    let again = world.try_admin(Program::Issuer, &["store", "init"]).unwrap();
    assert_says(&String::from_utf8_lossy(&again.stderr), &["issuer.db", "exists"]);
}

#[test]
fn a_keyring_out_of_order_is_refused_and_while_running_the_old_keys_stay() {
    let world = world();
    let issuer = world.serve(Program::Issuer).unwrap();
    let redeemer = world.serve(Program::Redeemer).unwrap();
    let keys: Vec<_> =
        fs::read_dir(world.path("data/keys")).unwrap().map(|entry| entry.unwrap().path()).collect();
    let key = keys.iter().find(|path| path.to_string_lossy().contains("EUR-10000")).unwrap();
    let good = fs::read_to_string(key).unwrap();
    let redeem_until = good.lines().find(|line| line.starts_with("redeem_until")).unwrap();
    let changed = good.replace(redeem_until, "redeem_until = \"2099-01-01\"");
    fs::write(key, &changed).unwrap();

    for service in [&issuer, &redeemer] {
        let log = || fs::read_to_string(service.log()).unwrap();
        let deadline = Instant::now() + Duration::from_secs(30);
        while !log().contains("dates or value changed") {
            assert!(Instant::now() < deadline, "{}", log());
            std::thread::sleep(Duration::from_millis(20));
        }
        assert_eq!(http::get(&format!("{}/readyz", service.url()), &[]).unwrap().status, 200);
    }
    assert_eq!(world.vouchers(PACK, 3).unwrap().len(), 3, "codes are shown whatever the keyring is like");
    let listed = http::get(&format!("{}/v1/keys", redeemer.url()), &[]).unwrap().json();
    assert!(!listed.to_string().contains("4070908800"), "the changed date is not in force: {listed}");
    issuer.stop().unwrap();
    redeemer.stop().unwrap();
    for program in [Program::Issuer, Program::Redeemer] {
        assert_says(&refusal(&world, program), &["EUR-10000", "dates or value changed", "backup"]);
    }
    fs::write(key, &good[..good.len() / 2]).unwrap();
    for program in [Program::Issuer, Program::Redeemer] {
        let line = refusal(&world, program);
        assert_says(&line, &["EUR-10000"]);
        let secret =
            good.lines().find(|line| line.starts_with("secret_key")).unwrap().split('"').nth(1).unwrap();
        assert!(!line.contains(&secret[..10]), "{line}");
    }
    fs::remove_file(key).unwrap();
    assert_says(&refusal(&world, Program::Redeemer), &["EUR-10000", "file is gone"]);
    fs::write(key, good).unwrap();
    world.serve(Program::Redeemer).unwrap().stop().unwrap();
}

#[test]
fn a_new_store_does_not_take_old_keys_for_fresh_ones() {
    let world = world();
    let (issuer, redeemer) = (world.serve(Program::Issuer).unwrap(), world.serve(Program::Redeemer).unwrap());
    let (reader, publisher) = (world.reader("reader"), world.publisher("Example").unwrap());
    reader.buy(&issuer, &redeemer, &world.voucher().unwrap()).unwrap();
    let tokens = reader.export(1).unwrap();
    assert_eq!(publisher.redeem(&redeemer.url(), "a", &tokens).unwrap().status, 200);

    // The database is swapped while the redeemer runs: it must not answer from an empty one.
    let database = world.path("data/redeemer.db");
    fs::rename(&database, world.path("lost.db")).unwrap();
    let unsure = publisher.redeem(&redeemer.url(), "b", &tokens).unwrap();
    assert_eq!(unsure.status, 503, "{}", unsure.body);
    world.move_clock(60).unwrap();
    redeemer.stop().unwrap();
    assert_says(&refusal(&world, Program::Redeemer), &["redeemer.db", "store init", "restore"]);
    world.admin(Program::Redeemer, &["store", "init"]).unwrap();
    assert_says(&refusal(&world, Program::Redeemer), &["made before this store", "--trust-key"]);

    fs::remove_file(&database).unwrap();
    fs::rename(world.path("lost.db"), &database).unwrap();
    let redeemer = world.serve(Program::Redeemer).unwrap();
    let spent = publisher.redeem(&redeemer.url(), "b", &tokens).unwrap();
    assert_eq!((spent.status, spent.body["results"][0].as_str()), (409, Some("spent")));

    // So it is with the issuer.
    let order = Order::make(&issuer.url(), PACK).unwrap();
    fs::rename(world.path("data/issuer.db"), world.path("lost.db")).unwrap();
    let answer = order.pay(&"0".repeat(26)).unwrap();
    assert_eq!((answer.status, answer.problem()), (503, "unavailable".to_owned()));
    assert_eq!(answer.header("retry-after"), "1");
    fs::rename(world.path("lost.db"), world.path("data/issuer.db")).unwrap();
    assert_eq!(order.state().unwrap(), "pending");
}

#[test]
fn one_store_has_one_service_and_secrets_are_their_owners() {
    let world = world();
    let issuer = world.serve(Program::Issuer).unwrap();
    assert_says(&refusal(&world, Program::Issuer), &["issuer.db", "another process"]);
    issuer.stop().unwrap();
    for file in ["data/issuer.db", "data/redeemer.db", "data/issuer.signing-key", "data/redeemer.signing-key"]
    {
        let mode = fs::metadata(world.path(file)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{file}");
    }
    for entry in fs::read_dir(world.path("data/keys")).unwrap() {
        assert_eq!(entry.unwrap().metadata().unwrap().permissions().mode() & 0o777, 0o640);
    }
    let wrong = world.command(Program::Issuer).args(["vouchers", "melt"]).output().unwrap();
    assert_eq!(wrong.status.code(), Some(2));
}
