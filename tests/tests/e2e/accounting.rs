//! What a publisher is owed and whether it adds up: entries, statements and the redeemer's audit, in real processes.

use std::fs;
use std::process::Output;
use std::time::{Duration, Instant};

use farthing_protocol::{Day, SECONDS_PER_DAY};
use farthing_tests::programs::Program;
use farthing_tests::{ServiceProcess, World, http};
use serde_json::Value;

use crate::{morning, on_redis, world};

/// Longest wait for what must happen soon.
const PATIENCE: Duration = Duration::from_secs(30);

fn json(line: &str) -> Value {
    serde_json::from_str(line).unwrap()
}

/// Tells the redeemer where the issuer's totals are and who signs them.
fn configure_audit(world: &World, issuer: &ServiceProcess) {
    let keys = http::get(&format!("{}/.well-known/jwks.json", issuer.url()), &[]).unwrap().json();
    let key = keys["keys"][0]["x"].as_str().unwrap().to_owned();
    let table = format!(
        "commission_basis_points = 1000\n[audit]\nissuer_totals_url = \"{}/v1/totals\"\nissuer_totals_key = \"{key}\"\n",
        issuer.url()
    );
    world.write_configuration(Program::Redeemer, &table).unwrap();
}

fn days_are_stated_and_audited(world: &World) {
    let morning = morning();
    world.stop_clock(morning).unwrap();
    let day = Day::from_unix(morning).to_string();
    let issuer = world.serve(Program::Issuer).unwrap();
    configure_audit(world, &issuer);
    let redeemer = world.serve(Program::Redeemer).unwrap();
    let (reader, publisher) = (world.reader("reader"), world.publisher("Example").unwrap());
    reader.buy(&issuer, &redeemer, &world.voucher().unwrap()).unwrap();
    let tokens = reader.export(3).unwrap();
    assert_eq!(publisher.redeem(&redeemer.url(), "article", &tokens).unwrap().status, 200);
    let id = json(&world.admin(Program::Redeemer, &["publishers", "list"]).unwrap()[0])["id"].clone();
    let id = id.as_str().unwrap();
    let adjust = ["ledger", "adjust", id, "--day", &day, "--denomination", "EUR-10000", "--tokens", "-1"];
    let adjust = [&adjust[..], &["--reason", "an empty page"]].concat();
    let entry = json(&world.admin(Program::Redeemer, &adjust).unwrap()[0]);
    let again = [&adjust[..], &["--id", entry["id"].as_str().unwrap()]].concat();
    assert_eq!(json(&world.admin(Program::Redeemer, &again).unwrap()[0]), entry);

    world.stop_clock(morning + SECONDS_PER_DAY).unwrap();
    let close = ["statements", "close", "--through", &day];
    let closed = json(&world.admin(Program::Redeemer, &close).unwrap()[0]);
    assert_eq!(
        (&closed["statement"]["gross_micros"], &closed["statement"]["net_minor"]),
        (&20_000.into(), &1.into())
    );
    let bearer = publisher.bearer();
    let url = format!("{}/v1/statements/EUR.{day}", redeemer.url());
    let envelope = http::get(&url, &[("Authorization", &bearer)]).unwrap().json();
    assert_eq!(envelope["payloadType"], farthing_api::STATEMENT_PAYLOAD_TYPE);
    redeemer.kill().unwrap();
    let closed_before = world.admin(Program::Redeemer, &["statements", "list"]).unwrap();
    assert_eq!(json(&closed_before[0]), closed, "also without the service, and after it died");

    let audit = |arguments: &[&str]| world.try_admin(Program::Redeemer, arguments).unwrap();
    let fine = audit(&["audit"]);
    let printed = String::from_utf8(fine.stdout).unwrap();
    assert_eq!(fine.status.code(), Some(0), "{printed}");
    let line = json(printed.lines().next().unwrap());
    assert_eq!((&line["issued"], &line["redeemed"]), (&100.into(), &3.into()));
    issuer.stop().unwrap();
}

#[test]
fn days_are_stated_and_audited_by_the_embedded_store() {
    days_are_stated_and_audited(&world());
}

#[test]
fn days_are_stated_and_audited_on_redis() {
    days_are_stated_and_audited(&on_redis());
}

/// The redeemer dies at each step of a command; the command is repeated as its error says, or as it was.
fn what_dies_half_way_is_repeated(world: &World) {
    let morning = morning();
    world.stop_clock(morning).unwrap();
    let day = Day::from_unix(morning).to_string();
    let id = {
        let _redeemer = world.serve(Program::Redeemer).unwrap();
        world.publisher("Example").unwrap();
        let listed = json(&world.admin(Program::Redeemer, &["publishers", "list"]).unwrap()[0]);
        listed["id"].as_str().unwrap().to_owned()
    };
    let adjust = ["ledger", "adjust", &id, "--day", &day, "--denomination", "EUR-10000", "--tokens", "7"];
    let adjust = [&adjust[..], &["--reason", "a gift"]].concat();
    for step in ["adjustment.before", "adjustment.after"] {
        let dying = world.serve_until(Program::Redeemer, step).unwrap();
        let tried = tried_id(&world.try_admin(Program::Redeemer, &adjust).unwrap(), step);
        dying.wait_for_crash().unwrap_or_else(|error| panic!("{step}: {error}"));
        let _redeemer = world.serve(Program::Redeemer).unwrap();
        world.admin(Program::Redeemer, &[&adjust[..], &["--id", &tried]].concat()).unwrap();
    }
    let listed = world.admin(Program::Redeemer, &["ledger", "list", &id]).unwrap();
    assert_eq!(listed.len(), 2 + 1, "two entries and the balance: {listed:?}");
    assert_eq!(json(&listed[2])["balance"]["tokens"], 14);

    for (number, step) in ["statements.before", "statements.after"].into_iter().enumerate() {
        let day = Day::from_unix(morning).plus(u32::try_from(number).unwrap());
        world.stop_clock(day.next().start() + 3_600).unwrap();
        let day = day.to_string();
        // Something new for each statement.
        let entry = ["ledger", "adjust", &id, "--day", &day, "--denomination", "EUR-5000", "--tokens", "1"];
        world.admin(Program::Redeemer, &[&entry[..], &["--reason", "a gift"]].concat()).unwrap();
        let dying = world.serve_until(Program::Redeemer, step).unwrap();
        let close = ["statements", "close", "--through", &day];
        assert_eq!(world.try_admin(Program::Redeemer, &close).unwrap().status.code(), Some(1), "{step}");
        dying.wait_for_crash().unwrap_or_else(|error| panic!("{step}: {error}"));
        let _redeemer = world.serve(Program::Redeemer).unwrap();
        world.admin(Program::Redeemer, &close).unwrap();
        let again = world.admin(Program::Redeemer, &close).unwrap();
        assert!(again[0].starts_with("nothing to close through "), "{step}: {again:?}");
        let statements = world.admin(Program::Redeemer, &["statements", "list"]).unwrap();
        assert_eq!(statements.len(), number + 1, "{step}: {statements:?}");
    }
    let statements = world.admin(Program::Redeemer, &["statements", "list"]).unwrap();
    let statements: Vec<_> = statements.iter().map(|line| json(line)["statement"].clone()).collect();
    let net: Vec<_> = statements.iter().map(|statement| statement["net_minor"].as_i64().unwrap()).collect();
    assert_eq!(net, [14, 1], "two halves of a cent make one");
    assert_eq!(statements[1]["carried_micros"], 0);

    world.stop_clock(morning + 40 * SECONDS_PER_DAY).unwrap();
    let statement = statements[0]["id"].as_str().unwrap();
    let pay = ["payouts", "record", &id, statement, "--amount-minor", "5", "--reference", "transfer 7"];
    for (number, step) in ["payout.before", "payout.after"].into_iter().enumerate() {
        let dying = world.serve_until(Program::Redeemer, step).unwrap();
        let tried = tried_id(&world.try_admin(Program::Redeemer, &pay).unwrap(), step);
        dying.wait_for_crash().unwrap_or_else(|error| panic!("{step}: {error}"));
        let _redeemer = world.serve(Program::Redeemer).unwrap();
        for _ in 0..2 {
            world.admin(Program::Redeemer, &[&pay[..], &["--id", &tried]].concat()).unwrap();
        }
        assert_eq!(world.admin(Program::Redeemer, &["payouts", "list", &id]).unwrap().len(), number + 1);
    }
    assert_eq!(payable(world), [4, 1]);

    let payouts = world.admin(Program::Redeemer, &["payouts", "list", &id]).unwrap();
    for (payout, step) in payouts.iter().zip(["payout.before", "payout.after"]) {
        let payout = json(payout)["payout"]["id"].as_str().unwrap().to_owned();
        let reverse = ["payouts", "reverse", &id, &payout, "--reason", "it came back"];
        let dying = world.serve_until(Program::Redeemer, step).unwrap();
        assert_eq!(world.try_admin(Program::Redeemer, &reverse).unwrap().status.code(), Some(1), "{step}");
        dying.wait_for_crash().unwrap_or_else(|error| panic!("{step}: {error}"));
        let _redeemer = world.serve(Program::Redeemer).unwrap();
        let reversal = world.admin(Program::Redeemer, &reverse).unwrap();
        assert_eq!(world.admin(Program::Redeemer, &reverse).unwrap(), reversal, "{step}");
    }
    assert_eq!(world.admin(Program::Redeemer, &["payouts", "list", &id]).unwrap().len(), 4);
    assert_eq!(payable(world), [14, 1]);
    assert_eq!(world.admin(Program::Redeemer, &["store", "check"]).unwrap(), ["everything adds up"]);
}

/// What may be paid today of each statement.
fn payable(world: &World) -> Vec<u64> {
    let due = world.admin(Program::Redeemer, &["payouts", "due"]).unwrap();
    due.iter().map(|line| json(line)["payable_minor"].as_u64().unwrap()).collect()
}

/// With which id a command that died says that it can be repeated.
fn tried_id(failed: &Output, step: &str) -> String {
    let error = String::from_utf8_lossy(&failed.stderr);
    assert_eq!(failed.status.code(), Some(1), "{step}: {error}");
    let (_, rest) = error.split_once("to repeat it safely add --id ").expect(step);
    rest.split(':').next().unwrap().to_owned()
}

#[test]
fn what_dies_half_way_is_repeated_on_the_embedded_store() {
    what_dies_half_way_is_repeated(&world());
}

#[test]
fn what_dies_half_way_is_repeated_on_redis() {
    what_dies_half_way_is_repeated(&on_redis());
}

#[test]
fn an_excess_ends_the_audit_with_status_4_and_raises_the_alarm() {
    let world = world();
    let morning = morning();
    world.stop_clock(morning).unwrap();
    let issuer = world.serve(Program::Issuer).unwrap();
    let redeemer = world.serve(Program::Redeemer).unwrap();
    let (reader, publisher) = (world.reader("reader"), world.publisher("Example").unwrap());
    reader.buy(&issuer, &redeemer, &world.voucher().unwrap()).unwrap();
    let tokens = reader.export(3).unwrap();
    assert_eq!(publisher.redeem(&redeemer.url(), "article", &tokens).unwrap().status, 200);
    issuer.stop().unwrap();
    redeemer.stop().unwrap();

    // To the redeemer an issuer that lost its counts looks like one that never issued.
    fs::remove_file(world.path("data/issuer.db")).unwrap();
    world.admin(Program::Issuer, &["store", "init", "--trust-key", "all"]).unwrap();
    world.stop_clock(morning + SECONDS_PER_DAY).unwrap();
    let issuer = world.serve(Program::Issuer).unwrap();
    configure_audit(&world, &issuer);
    let redeemer = world.serve(Program::Redeemer).unwrap();
    let deadline = Instant::now() + PATIENCE;
    let log = || fs::read_to_string(redeemer.log()).unwrap();
    while !log().contains("more tokens of a key were redeemed than the issuer issued") {
        assert!(Instant::now() < deadline, "{}", log());
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(log().contains("key=\"EUR-10000."), "the log names the key: {}", log());
    let totals = world.path("totals.json");
    let published = http::get(&format!("{}/v1/totals", issuer.url()), &[]).unwrap();
    fs::write(&totals, published.json().to_string()).unwrap();
    for arguments in [&["audit"][..], &["audit", "--issuer-totals", totals.to_str().unwrap()]] {
        let found = world.try_admin(Program::Redeemer, arguments).unwrap();
        let error = String::from_utf8(found.stderr).unwrap();
        assert_eq!((found.status.code(), error.lines().count()), (Some(4), 1), "{error}");
        assert!(error.contains("EXCESS"), "{error}");
    }
    // Nothing is counted twice, whichever issuer's it is said to be.
    let totals =
        ["audit", "--issuer-totals", totals.to_str().unwrap(), "--issuer-totals", totals.to_str().unwrap()];
    let refused = world.try_admin(Program::Redeemer, &totals).unwrap();
    let error = String::from_utf8(refused.stderr).unwrap();
    assert_eq!((refused.status.code(), error.lines().count()), (Some(1), 1), "{error}");
    assert!(error.contains("as many --issuer-totals as --issuer-key"), "{error}");
}
