//! Stores are backed up while they are in use, lost, restored, and served once their gap is closed.

use std::fs;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use age::secrecy::ExposeSecret;
use farthing_tests::programs::Program;
use farthing_tests::{Crashed, Publisher, ServiceProcess, World, http};
use serde_json::{Value, json};

use crate::{on_redis, world};

/// Longest wait for something to happen.
const PATIENCE: Duration = Duration::from_mins(1);
const ONE_CENT: u64 = 10_000;

/// What a command wrote that is refused: one line.
#[track_caller]
pub fn refused(world: &World, program: Program, arguments: &[&str]) -> String {
    let output = world.try_admin(program, arguments).unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {error}");
    assert_eq!(error.lines().count(), 1, "{error}");
    error
}

/// Why a service does not start.
#[track_caller]
pub fn not_started(world: &World, program: Program) -> String {
    let Crashed { status, log } = world.try_serve(program, None).unwrap().expect_err("the service started");
    assert_eq!(status.code(), Some(1), "{log}");
    log
}

/// Nothing in a service's store contradicts anything else in it.
#[track_caller]
pub fn assert_in_order(world: &World, program: Program) {
    assert_eq!(world.admin(program, &["store", "check"]).unwrap(), ["everything adds up"]);
}

/// What became of tokens.
#[track_caller]
pub fn results(publisher: &Publisher, redeemer: &str, name: &str, tokens: &[String]) -> Value {
    publisher.redeem(redeemer, name, tokens).unwrap().body["results"].clone()
}

/// An age identity in a file; its recipient.
fn identity(world: &World, file: &str) -> String {
    let identity = age::x25519::Identity::generate();
    fs::write(world.path(file), identity.to_string().expose_secret()).unwrap();
    identity.to_public().to_string()
}

/// Puts a backup back into the place of a lost store.
#[track_caller]
fn restore(world: &World, program: Program, input: &str) {
    world.lose_store(program).unwrap();
    let printed = world.admin(program, &["store", "restore", "--input", input]).unwrap();
    assert!(printed[0].contains("restored") && printed[1].contains("store close-gap"), "{printed:?}");
}

/// Waits until so much has been done.
#[track_caller]
pub fn wait_for(count: &AtomicU64, least: u64) {
    let deadline = Instant::now() + PATIENCE;
    while count.load(Ordering::Relaxed) < least {
        assert!(Instant::now() < deadline, "nothing is done");
        std::thread::yield_now();
    }
}

/// Redeems one token after the other until told to stop; how many were taken.
pub fn redeem_until(
    stop: &AtomicBool,
    taken: &AtomicU64,
    publisher: &Publisher,
    redeemer: &str,
    tokens: &[String],
) {
    for (number, token) in tokens.iter().enumerate() {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let name = format!("meanwhile-{number}");
        let answer = publisher.redeem(redeemer, &name, std::slice::from_ref(token)).unwrap();
        assert_eq!(answer.status, 200, "{}", answer.body);
        taken.fetch_add(1, Ordering::Relaxed);
    }
}

/// The page of who signs in with its API key.
fn dashboard(publisher: &Publisher, redeemer: &ServiceProcess) -> String {
    let (url, origin) = (format!("{}/dashboard", redeemer.url()), redeemer.url());
    let headers = [("Content-Type", "application/x-www-form-urlencoded"), ("Origin", origin.as_str())];
    let form = format!("api_key={}", publisher.api_key).into_bytes();
    let signed_in = http::post(&format!("{url}/sign-in"), &headers, form).unwrap();
    let cookie = signed_in.header("set-cookie").split(';').next().unwrap_or_default();
    String::from_utf8(http::get(&url, &[("Cookie", cookie)]).unwrap().body).unwrap()
}

/// The store may lack payouts of the gap: what was paid would be paid again.
fn nothing_is_paid_before_lost_payouts_are_confirmed(
    world: &World,
    redeemer: ServiceProcess,
    publisher: &Publisher,
) {
    let why = "The service was restored from a backup.";
    let shown = dashboard(publisher, &redeemer);
    assert!(shown.contains(why) && !shown.contains(">Open<"), "{shown}");
    let due = ["payouts", "due"];
    let missing = refused(world, Program::Redeemer, &due);
    for words in ["payouts recorded since then are not in it", "--after-restore", "payouts confirm"] {
        assert!(missing.contains(words), "{missing}");
    }
    let id = "A".repeat(22);
    let record = ["payouts", "record", &id, "EUR.2026-11-30", "--reference", "transfer 7"];
    assert!(refused(world, Program::Redeemer, &record).contains("payouts recorded since then"));
    let unnamed = refused(world, Program::Redeemer, &[&record[..], &["--after-restore"]].concat());
    assert!(unnamed.contains("name the payout with --id"), "{unnamed}");
    let again = [&record[..], &["--after-restore", "--id", &id]].concat();
    let again = refused(world, Program::Redeemer, &again);
    assert!(again.contains("there is no publisher"), "{again}");
    world.admin(Program::Redeemer, &[&due[..], &["--after-restore"]].concat()).unwrap();
    let running = refused(world, Program::Redeemer, &["payouts", "confirm"]);
    assert!(running.contains("stop the service first"), "{running}");
    redeemer.stop().unwrap();
    world.admin(Program::Redeemer, &["payouts", "confirm"]).unwrap();
    world.admin(Program::Redeemer, &due).unwrap();
    let redeemer = world.serve(Program::Redeemer).unwrap();
    let shown = dashboard(publisher, &redeemer);
    assert!(!shown.contains(why) && shown.contains(">Open<"), "{shown}");
    redeemer.stop().unwrap();
    let known = refused(world, Program::Redeemer, &["payouts", "confirm"]);
    assert!(known.contains("no payout is missing"), "{known}");
    assert_in_order(world, Program::Redeemer);
}

fn a_lost_redeemer_is_restored(world: &World) {
    let (issuer, redeemer) = (world.serve(Program::Issuer).unwrap(), world.serve(Program::Redeemer).unwrap());
    let reader = world.reader("reader");
    reader.buy(&issuer, &redeemer, &world.voucher().unwrap()).unwrap();
    let publisher = world.publisher("Example").unwrap();
    let (early, late, kept) =
        (reader.export(3).unwrap(), reader.export(3).unwrap(), reader.export(1).unwrap());
    let many = reader.export(80).unwrap();
    assert_eq!(publisher.redeem(&redeemer.url(), "early", &early).unwrap().status, 200);

    let recipient = identity(world, "identity");
    let (stop, taken) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        let (url, stop, taken) = (redeemer.url(), &stop, &taken);
        let (many, publisher) = (&many, &publisher);
        let redeeming = scope.spawn(move || redeem_until(stop, taken, publisher, &url, many));
        wait_for(taken, 3);
        let arguments = ["store", "backup", "--output", "store.backup", "--recipient", &recipient];
        let printed = world.admin(Program::Redeemer, &arguments).unwrap();
        assert!(printed[0].starts_with("wrote ") && printed[0].contains("store.backup"), "{printed:?}");
        // A check of a store in use finds nothing that only moves.
        assert_in_order(world, Program::Redeemer);
        stop.store(true, Ordering::Relaxed);
        redeeming.join().unwrap();
    });
    let taken = usize::try_from(taken.into_inner()).unwrap();
    assert_eq!(publisher.redeem(&redeemer.url(), "late", &late).unwrap().status, 200);
    redeemer.stop().unwrap();

    let exists = refused(
        world,
        Program::Redeemer,
        &["store", "restore", "--input", "store.backup", "--identity", "identity"],
    );
    assert!(exists.contains(" exists: ") || exists.contains(" has a store already"), "{exists}");
    let overwriting = refused(world, Program::Redeemer, &["store", "backup", "--output", "store.backup"]);
    assert!(overwriting.contains("store.backup"), "{overwriting}");
    world.lose_store(Program::Redeemer).unwrap();
    refuse_what_is_no_backup(world);
    world
        .admin(Program::Redeemer, &["store", "restore", "--input", "store.backup", "--identity", "identity"])
        .unwrap();
    let refusal = not_started(world, Program::Redeemer);
    for way in ["store close-gap", "--replayed", "--keys-revoked", "--accept-loss", "can be spent once more"]
    {
        assert!(refusal.contains(way), "{refusal}");
    }
    assert_in_order(world, Program::Redeemer);
    // A copy of a restored store says so too.
    world.admin(Program::Redeemer, &["store", "backup", "--output", "again.backup"]).unwrap();

    // The loss is accepted: what was spent before is spent, what was spent since can be spent once more.
    world.admin(Program::Redeemer, &["store", "close-gap", "--accept-loss"]).unwrap();
    let redeemer = world.serve(Program::Redeemer).unwrap();
    let url = redeemer.url();
    let credit = publisher.credit_micros(&url).unwrap();
    assert!((3 * ONE_CENT..=(3 + taken as u64) * ONE_CENT).contains(&credit), "{credit}");
    assert_eq!(results(&publisher, &url, "again", &early), json!(["spent", "spent", "spent"]));
    assert_eq!(results(&publisher, &url, "again", &late), json!(["accepted", "accepted", "accepted"]));
    assert_eq!(publisher.credit_micros(&url).unwrap(), credit + 3 * ONE_CENT);
    for (number, token) in many[..3].iter().enumerate() {
        let name = format!("again-{number}");
        assert_eq!(results(&publisher, &url, &name, std::slice::from_ref(token)), json!(["spent"]));
    }
    let no_gap = refused(world, Program::Redeemer, &["store", "close-gap", "--replayed"]);
    assert!(no_gap.contains("no open gap"), "{no_gap}");
    assert_in_order(world, Program::Redeemer);
    let birth = world.dump(Program::Redeemer).unwrap().into_iter().find(|record| record["table"] == "birth");
    assert_eq!(birth.unwrap()["record"]["restores"][0]["closed"]["by"], "accept-loss");
    nothing_is_paid_before_lost_payouts_are_confirmed(world, redeemer, &publisher);

    // The keys are revoked: the double spend gets nothing.
    world.lose_store(Program::Redeemer).unwrap();
    let printed = world.admin(Program::Redeemer, &["store", "restore", "--input", "again.backup"]).unwrap();
    assert!(printed[1].contains("close-gap"), "{printed:?}");
    let usable = refused(world, Program::Redeemer, &["store", "close-gap", "--keys-revoked"]);
    assert!(usable.contains("not revoked: EUR-"), "{usable}");
    world.move_clock(5).unwrap();
    let names: Vec<_> = world.admin(Program::Issuer, &["keys", "list"]).unwrap();
    for key in names {
        let name = serde_json::from_str::<Value>(&key).unwrap()["name"].as_str().unwrap().to_owned();
        world.admin(Program::Issuer, &["keys", "revoke", &name]).unwrap();
    }
    world.admin(Program::Redeemer, &["store", "close-gap", "--keys-revoked"]).unwrap();
    let redeemer = world.serve(Program::Redeemer).unwrap();
    assert_eq!(results(&publisher, &redeemer.url(), "new", &late), json!(["revoked", "revoked", "revoked"]));
    assert_eq!(results(&publisher, &redeemer.url(), "kept", &kept), json!(["revoked"]));
    drop(issuer);
}

/// Damaged, truncated and foreign files, and identities that do not fit.
fn refuse_what_is_no_backup(world: &World) {
    let restoring = |arguments: &[&str]| {
        refused(world, Program::Redeemer, &[&["store", "restore", "--input"], arguments].concat())
    };
    let whole = fs::read(world.path("store.backup")).unwrap();
    identity(world, "other");
    assert!(restoring(&["store.backup"]).contains("is encrypted: use --identity"));
    assert!(restoring(&["store.backup", "--identity", "other"]).contains("to another identity"));
    assert!(restoring(&["missing", "--identity", "other"]).contains("missing: "));
    let mut damaged = whole.clone();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    for (name, bytes) in [("damaged", damaged.as_slice()), ("truncated", &whole[..whole.len() - 20])] {
        fs::write(world.path(name), bytes).unwrap();
        let error = restoring(&[name, "--identity", "identity"]);
        assert!(error.contains("damaged or truncated"), "{name}: {error}");
    }
    fs::write(world.path("foreign"), "something else").unwrap();
    assert!(restoring(&["foreign"]).contains("it is no store backup"));
    world.admin(Program::Issuer, &["store", "backup", "--output", "issuers.backup"]).unwrap();
    assert!(restoring(&["issuers.backup"]).contains("of the issuer's store, not of the redeemer's"));
    let plain = fs::read(world.path("issuers.backup")).unwrap();
    fs::write(world.path("cut"), &plain[..plain.len() - 1]).unwrap();
    assert!(restoring(&["cut"]).contains("it is truncated"));
    let nothing_was_made = refused(world, Program::Redeemer, &["store", "dump"]);
    assert!(nothing_was_made.contains("store init"), "{nothing_was_made}");
}

fn a_lost_issuer_is_restored(world: &World) {
    let (issuer, redeemer) = (world.serve(Program::Issuer).unwrap(), world.serve(Program::Redeemer).unwrap());
    let vouchers = world.vouchers(farthing_tests::PACK, 3).unwrap();
    world.reader("early").buy(&issuer, &redeemer, &vouchers[0]).unwrap();
    let singles = world.vouchers("single", 40).unwrap();
    let (stop, paid) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        let (url, stop, paid, singles) = (issuer.url(), &stop, &paid, &singles);
        let paying = scope.spawn(move || {
            for voucher in singles {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                farthing_tests::Order::paid(&url, "single", voucher).unwrap();
                paid.fetch_add(1, Ordering::Relaxed);
            }
        });
        wait_for(paid, 2);
        let printed =
            world.admin(Program::Issuer, &["store", "backup", "--output", "issuer.backup"]).unwrap();
        assert!(printed[0].contains("wrote "), "{printed:?}");
        assert_in_order(world, Program::Issuer);
        stop.store(true, Ordering::Relaxed);
        paying.join().unwrap();
    });
    world.reader("late").buy(&issuer, &redeemer, &vouchers[1]).unwrap();
    issuer.stop().unwrap();
    restore(world, Program::Issuer, "issuer.backup");
    let refusal = not_started(world, Program::Issuer);
    assert!(refusal.contains("vouchers used then can be used again"), "{refusal}");
    assert_in_order(world, Program::Issuer);
    world.admin(Program::Issuer, &["store", "close-gap", "--accept-loss"]).unwrap();

    let issuer = world.serve(Program::Issuer).unwrap();
    let used = world.reader("thief").buy(&issuer, &redeemer, &vouchers[0]);
    assert!(used.is_err(), "a voucher of before the backup was used twice");
    // This is the loss that was accepted.
    world.reader("again").buy(&issuer, &redeemer, &vouchers[1]).unwrap();
    world.reader("new").buy(&issuer, &redeemer, &vouchers[2]).unwrap();
    assert_in_order(world, Program::Issuer);
    issuer.stop().unwrap();
    assert_in_order(world, Program::Issuer);
}

mod embedded {
    #[test]
    fn a_lost_redeemer_is_restored() {
        super::a_lost_redeemer_is_restored(&super::world());
    }

    #[test]
    fn a_lost_issuer_is_restored() {
        super::a_lost_issuer_is_restored(&super::world());
    }
}

mod redis {
    #[test]
    fn a_lost_redeemer_is_restored() {
        super::a_lost_redeemer_is_restored(&super::on_redis());
    }

    #[test]
    fn a_lost_issuer_is_restored() {
        super::a_lost_issuer_is_restored(&super::on_redis());
    }
}
