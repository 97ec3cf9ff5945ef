//! kill -9 at each durable step: after restart and retry the buyer has exactly the paid tokens and the publisher
//! exactly the credit.

use std::os::unix::process::ExitStatusExt;
use std::time::{Duration, Instant};

use farthing_tests::programs::Program;
use farthing_tests::{Crashed, Reader, ServiceProcess, World};

use crate::{BINARY, on_redis, world};

/// The steps of the issuer in a purchase, each with how often it is passed before the purchase's own.
const ISSUER_STEPS: &[&str] = &[
    "order.create.before",
    "order.create.after",
    "order.pay.before",
    "order.pay.after",
    "issuance.bind.before",
    "issuance.bind.after",
    "store.commit.before:1",
    "store.commit.after:1",
    "store.commit.before:2",
    "store.commit.after:2",
    "store.commit.before:3",
    "store.commit.after:3",
];

/// The redeemer tidies up when it starts, in one write; the second is the redemption's.
const REDEEMER_STEPS: &[&str] =
    &["redemption.before", "redemption.after", "store.commit.before:2", "store.commit.after:2"];

const WALLET_STEPS: &[&str] = &[
    "wallet.intent.saved.before",
    "wallet.intent.saved",
    "wallet.order.saved.before",
    "wallet.order.saved",
    "wallet.paid.saved.before",
    "wallet.paid.saved",
    "wallet.request.saved.before",
    "wallet.request.saved",
    "wallet.response.received",
    "wallet.tokens.saved.before",
    "wallet.tokens.saved",
];

/// Nothing in a service's store contradicts anything else in it.
fn assert_in_order(world: &World, program: Program, step: &str) {
    let checked = world.admin(program, &["store", "check"]);
    assert!(checked.as_ref().is_ok_and(|lines| lines == &["everything adds up"]), "{step}: {checked:?}");
}

/// As many tokens are issued as the readers have, and each has the one pack that was paid for.
fn assert_books_balance(
    world: &World,
    readers: &[Reader<'_>],
    issuer: &ServiceProcess,
    redeemer: &ServiceProcess,
) {
    let held: u64 = readers.iter().map(|reader| reader.tokens().unwrap()).sum();
    assert_eq!(held, 100 * readers.len() as u64);
    world.move_clock(86_400).unwrap();
    let audit = ["audit", "--issuer", &issuer.url(), "--redeemer", &redeemer.url()];
    let audited = world.reader("auditor").run(&audit).unwrap().done().unwrap();
    assert_eq!(audited["audits"][0]["keys"][0]["issued"].as_u64(), Some(held), "{audited}");
}

fn the_issuer_dies_at_each_step_of_a_purchase(world: &World) {
    let redeemer = world.serve(Program::Redeemer).unwrap();
    let mut readers = Vec::new();
    for (number, step) in ISSUER_STEPS.iter().enumerate() {
        let voucher = world.voucher().unwrap();
        let reader = world.reader(&format!("reader-{number}"));
        let dying = world.serve_until(Program::Issuer, step).unwrap();
        let url = dying.url();
        let bought = reader.run(&Reader::buying(&url, &redeemer.url(), &voucher)).unwrap();
        assert_eq!(bought.status.code(), Some(3), "{step}: {}", bought.error);
        dying.wait_for_crash().unwrap_or_else(|error| panic!("{step}: {error}"));
        assert_in_order(world, Program::Issuer, step);

        // The wallet knows the issuer by the address it had.
        let issuer = world.serve_at(Program::Issuer, &url).unwrap();
        let resumed = reader.run(&["resume"]).unwrap();
        assert_eq!(resumed.status.code(), Some(0), "{step}: {}", resumed.error);
        assert_eq!(reader.tokens().unwrap(), 100, "{step}");
        issuer.stop().unwrap();
        assert_in_order(world, Program::Issuer, step);
        readers.push(reader);
    }
    let issuer = world.serve(Program::Issuer).unwrap();
    assert_books_balance(world, &readers, &issuer, &redeemer);
}

fn the_wallet_dies_at_each_step_of_a_purchase(world: &World) {
    let (issuer, redeemer) = (world.serve(Program::Issuer).unwrap(), world.serve(Program::Redeemer).unwrap());
    let mut readers = Vec::new();
    for (number, step) in WALLET_STEPS.iter().enumerate() {
        let voucher = world.voucher().unwrap();
        let reader = world.reader(&format!("reader-{number}"));
        let urls = (issuer.url(), redeemer.url());
        let buying = Reader::buying(&urls.0, &urls.1, &voucher);
        let crashed = reader.run_until(&buying, step).unwrap();
        assert!(crashed.crashed(), "{step}: {crashed:?}");
        // The reader types the same command again: it resumes what was begun, or begins it.
        let done = reader.run(&buying).unwrap();
        let tokens = reader.tokens().unwrap();
        assert_eq!(tokens, 100, "{step}: {} {}", done.status, done.error);
        assert_in_order(world, Program::Issuer, step);
        readers.push(reader);
    }
    assert_books_balance(world, &readers, &issuer, &redeemer);
}

fn the_redeemer_dies_at_each_step_of_a_redemption(world: &World) {
    let issuer = world.serve(Program::Issuer).unwrap();
    let reader = world.reader("reader");
    let redeemer = world.serve(Program::Redeemer).unwrap();
    reader.buy(&issuer, &redeemer, &world.voucher().unwrap()).unwrap();
    redeemer.stop().unwrap();
    let publisher = world.publisher("Example").unwrap();
    for (number, step) in REDEEMER_STEPS.iter().enumerate() {
        let tokens = reader.export(3).unwrap();
        let name = format!("article-{number}");
        // On a busy machine the service may write something of its own before anybody asks, and die of that.
        let mut served = (0..5).map(|_| world.serve_until(Program::Redeemer, step));
        let dying = served.find_map(Result::ok).unwrap_or_else(|| panic!("{step}: it never came to serve"));
        assert!(publisher.redeem(&dying.url(), &name, &tokens).is_err(), "{step}");
        dying.wait_for_crash().unwrap_or_else(|error| panic!("{step}: {error}"));
        assert_in_order(world, Program::Redeemer, step);

        let redeemer = world.serve(Program::Redeemer).unwrap();
        let retried = publisher.redeem(&redeemer.url(), &name, &tokens).unwrap();
        assert_eq!(retried.status, 200, "{step}: {}", retried.body);
        let credit = publisher.credit_micros(&redeemer.url()).unwrap();
        assert_eq!(credit, 30_000 * (number as u64 + 1), "{step}");
        let second = publisher.redeem(&redeemer.url(), "again", &tokens).unwrap();
        assert_eq!(second.body["results"], serde_json::json!(["spent", "spent", "spent"]), "{step}");
        redeemer.stop().unwrap();
        assert_in_order(world, Program::Redeemer, step);
    }
}

/// Where a redemption across groups of keys can be left, between what is durable and what is not; and where the next
/// process dies, which finds it unfinished and finishes it.
const DIVIDED_STEPS: &[(&str, Option<&str>)] = &[
    ("redemption.before", None),
    ("redemption.reserved", None),
    // It is aborted when it is met the second time, and let go of in one group.
    ("redemption.reserved", Some("redemption.finish.after")),
    ("redemption.decided", None),
    // What was decided is finished when a process starts: here in one group of three.
    ("redemption.decided", Some("redemption.finish.before:2")),
    ("redemption.finish.after", None),
    ("redemption.finish.before:3", None),
    ("redemption.after", None),
];

/// Tokens of each redemption: enough for some in each group.
const DIVIDED_TOKENS: u32 = 12;

#[test]
fn the_redeemer_dies_at_each_step_of_a_divided_redemption() {
    let world = World::on_divided_redis(BINARY, 3).unwrap();
    // What is left half done is finished after ten times as long as the store may take.
    world.write_configuration(Program::Redeemer, "[timeouts]\nstore_ms = 1000\n").unwrap();
    let issuer = world.serve(Program::Issuer).unwrap();
    let reader = world.reader("reader");
    let redeemer = world.serve(Program::Redeemer).unwrap();
    reader.buy(&issuer, &redeemer, &world.voucher().unwrap()).unwrap();
    redeemer.stop().unwrap();
    let publisher = world.publisher("Example").unwrap();
    for (number, (step, next)) in DIVIDED_STEPS.iter().enumerate() {
        let row = format!("{step}, {next:?}");
        let tokens = reader.export(DIVIDED_TOKENS).unwrap();
        let name = format!("article-{number}");
        let dying = world.serve_until(Program::Redeemer, step).unwrap();
        assert!(publisher.redeem(&dying.url(), &name, &tokens).is_err(), "{row}");
        dying.wait_for_crash().unwrap_or_else(|error| panic!("{row}: {error}"));
        assert_in_order(&world, Program::Redeemer, &row);
        if let Some(next) = next {
            match world.try_serve(Program::Redeemer, Some(next)).unwrap() {
                Ok(dying) => dying.wait_for_crash().unwrap_or_else(|error| panic!("{row}: {error}")),
                // It died before it listened.
                Err(Crashed { status, log }) => assert_eq!(status.signal(), Some(9), "{row}: {log}"),
            }
            assert_in_order(&world, Program::Redeemer, &row);
        }

        let redeemer = world.serve(Program::Redeemer).unwrap();
        let deadline = Instant::now() + Duration::from_secs(90);
        let retried = loop {
            let retried = publisher.redeem(&redeemer.url(), &name, &tokens).unwrap();
            if retried.status != 503 {
                break retried;
            }
            assert!(Instant::now() < deadline, "{row}: nobody finishes it");
            std::thread::sleep(Duration::from_millis(100));
        };
        assert_eq!(retried.status, 200, "{row}: {}", retried.body);
        // What was decided may still have to be finished.
        let expected = u64::from(DIVIDED_TOKENS) * 10_000 * (number as u64 + 1);
        while publisher.credit_micros(&redeemer.url()).unwrap() != expected {
            assert!(Instant::now() < deadline, "{row}: the credit does not come");
            std::thread::sleep(Duration::from_millis(100));
        }
        let second = publisher.redeem(&redeemer.url(), "again", &tokens).unwrap();
        assert_eq!(second.body["results"], serde_json::json!(vec!["spent"; tokens.len()]), "{row}");
        assert_eq!(publisher.credit_micros(&redeemer.url()).unwrap(), expected, "{row}");
        redeemer.stop().unwrap();
        assert_in_order(&world, Program::Redeemer, &row);
    }
}

/// Runs each matrix in a world of each kind.
macro_rules! in_worlds {
    ($($matrix:ident),* $(,)?) => {
        mod embedded {
            $(#[test]
            fn $matrix() {
                super::$matrix(&super::world());
            })*
        }

        mod redis {
            $(#[test]
            fn $matrix() {
                super::$matrix(&super::on_redis());
            })*
        }
    };
}

in_worlds! {
    the_issuer_dies_at_each_step_of_a_purchase,
    the_wallet_dies_at_each_step_of_a_purchase,
    the_redeemer_dies_at_each_step_of_a_redemption,
}
