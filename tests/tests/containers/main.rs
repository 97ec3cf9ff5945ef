//! The stack of docker-compose.yml, as shipped: brought up, used, restarted, and searched for ways from one service to
//! the other. `FARTHING_TEST_CONTAINERS=1` runs it; it needs a Docker engine and Compose.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod gate;
mod isolation;
#[path = "../misuse/mod.rs"]
mod misuse;
mod observability;
mod stack;

use farthing_tests::programs::Program;
use farthing_tests::{Publisher, Reader, World};
use gate::Visitor;
use misuse::bad_input::{self, Services};
use misuse::slow_clients::SlowClients;
use serde_json::json;
use stack::Stack;

/// The program that is all programs, the wallet among them.
const BINARY: &str = env!("CARGO_BIN_EXE_farthing-demo");
/// Slow clients of each kind, for each service.
const SLOW_CLIENTS: usize = 50;

#[test]
fn the_stack_is_used_restarted_and_used_again_and_keeps_its_services_apart() {
    let Some(stack) = Stack::build() else { return };
    stack.up(&[]);
    // The wallet runs on this machine, outside the containers.
    let world = World::unprepared(BINARY).unwrap();
    let reader = world.reader("reader");
    let (publisher, other) = (add_publisher(&stack, "Example"), add_publisher(&stack, "Other"));

    let mut spent = vec![use_it(&stack, &reader, [&publisher, &other], 1)];
    let visitor = Visitor::of_a_new_gate(&stack, &world);
    visitor.read(1);
    // Every container stopped and started; then every one thrown away, so that only volumes are left.
    for (round, end) in [(2, "stop"), (3, "down")] {
        stack.end(end);
        stack.up(&[gate::PROFILE]);
        for tokens in &spent {
            let refused = other.redeem(&stack.redeemer_url(), &format!("late-{round}"), tokens).unwrap();
            assert_eq!(
                (refused.status, &refused.body["results"]),
                (409, &json!(["spent", "spent", "spent"]))
            );
        }
        spent.push(use_it(&stack, &reader, [&publisher, &other], round));
        visitor.read(usize::try_from(round).unwrap());
    }
    send_bad_requests(&stack);
    let slow = [stack.issuer_url(), stack.redeemer_url()].map(|url| SlowClients::connect(&url, SLOW_CLIENTS));
    use_it(&stack, &reader, [&publisher, &other], 4);
    for mut slow in slow {
        slow.trickle();
        slow.assert_closed();
    }
    use_it(&stack, &reader, [&publisher, &other], 5);
    assert_eq!(publisher.credit_micros(&stack.redeemer_url()).unwrap(), 5 * 30_000);
    assert_eq!(other.credit_micros(&stack.redeemer_url()).unwrap(), 0);

    observability::check(&stack);
    for service in ["issuer", "redeemer", "issuer-redis", "redeemer-redis", "gate", "site", "prometheus"] {
        stack.await_health(service);
    }
    isolation::check(&stack);
    isolation::check_rights(&stack);
}

#[test]
fn the_stacks_configurations_have_no_mistakes() {
    let world = World::unprepared(BINARY).unwrap();
    for program in [Program::Issuer, Program::Redeemer] {
        let file = stack::root().join(format!("configs/compose/{}.toml", program.argument()));
        let output = world.command(program).args(["store", "dump", "--config"]).arg(file).output().unwrap();
        // What comes after them is missing outside the containers.
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.contains(": store.password: file:/run/secrets/redis-password: "), "{error}");
    }
    let file = stack::root().join("configs/compose/gate.toml");
    let output =
        world.command(Program::Gate).args(["config", "check", "--config"]).arg(file).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn send_bad_requests(stack: &Stack) {
    let minted = stack
        .exec("issuer", &["farthing-issuer", "vouchers", "mint", "--pack", "reader-100", "--count", "2"]);
    let mut vouchers = minted.lines().map(|code| code.trim().to_owned());
    let sent = bad_input::check(&Services {
        issuer: &stack.issuer_url(),
        redeemer: &stack.redeemer_url(),
        vouchers: [vouchers.next().unwrap(), vouchers.next().unwrap()],
        publisher: &add_publisher(stack, "Target of bad requests"),
    });
    stack::tell(&format!("{sent} bad requests were refused as they should be"));
}

fn add_publisher(stack: &Stack, name: &str) -> Publisher {
    let printed = stack.exec("redeemer", &["farthing-redeemer", "publishers", "add", name]);
    serde_json::from_str(&printed).unwrap()
}

/// Buys a pack and spends three tokens once; a second time they are refused. Answers the tokens.
fn use_it(stack: &Stack, reader: &Reader<'_>, publishers: [&Publisher; 2], round: u64) -> Vec<String> {
    let (issuer, redeemer) = (stack.issuer_url(), stack.redeemer_url());
    reader.run(&Reader::buying(&issuer, &redeemer, &stack.voucher())).unwrap().done().unwrap();
    assert_eq!(reader.tokens().unwrap(), 100 * round - 3 * (round - 1));
    let tokens = reader.export(3).unwrap();
    let [publisher, other] = publishers;
    let article = format!("article-{round}");
    let taken = publisher.redeem(&redeemer, &article, &tokens).unwrap();
    assert_eq!((taken.status, &taken.body["accepted"]), (200, &json!(3)), "{}", taken.body);
    let refused = other.redeem(&redeemer, &article, &tokens).unwrap();
    assert_eq!((refused.status, &refused.body["results"]), (409, &json!(["spent", "spent", "spent"])));
    stack::tell(&format!(
        "round {round}: bought 100 tokens, redeemed 3: {}; again: {}",
        taken.body, refused.body
    ));
    tokens
}
