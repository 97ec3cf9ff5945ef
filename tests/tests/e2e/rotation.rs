//! Keys change under the feet of those who use them.

use std::time::{Duration, Instant};

use farthing_protocol::{DirectoryKey, SECONDS_PER_DAY};
use farthing_tests::programs::Program;
use farthing_tests::{Order, PACK, Reader, directory, key_of};

use crate::world;

const CENT: u64 = 10_000;
const DAY: i64 = SECONDS_PER_DAY.cast_signed();

/// Waits until the issuer's directory lists another key first.
fn next_key(issuer: &str, before: &DirectoryKey) -> DirectoryKey {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        // Between the end of one key and the next look at the clock there may be none.
        match key_of(issuer, CENT) {
            Ok(key) if key.token_key != before.token_key => return key,
            _ => {}
        }
        assert!(Instant::now() < deadline, "the key was not rotated");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Waits until the redeemer takes a token's key, for it looks at the keyring once a second.
fn redeem(
    publisher: &farthing_tests::Publisher,
    redeemer: &str,
    name: &str,
    tokens: &[String],
) -> farthing_tests::Redeemed {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let redeemed = publisher.redeem(redeemer, name, tokens).unwrap();
        let unknown = redeemed.body["results"][0] == "unknown-key";
        if !unknown || Instant::now() > deadline {
            return redeemed;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn an_answer_lost_across_a_rotation_costs_nothing() {
    let world = world();
    let (issuer, redeemer) = (world.serve(Program::Issuer).unwrap(), world.serve(Program::Redeemer).unwrap());
    let publisher = world.publisher("Example").unwrap();
    let old = key_of(&issuer.url(), CENT).unwrap();
    let mut order = Order::paid(&issuer.url(), PACK, &world.voucher().unwrap()).unwrap();
    let request = order.request(&old, 100).unwrap();
    let lost = order.send(&request).unwrap();
    assert_eq!(lost.status, 200);

    world.move_clock(28 * DAY).unwrap();
    let new = next_key(&issuer.url(), &old);
    let again = order.send(&request).unwrap();
    let tokens = order.tokens(&old, &request, &again).unwrap();
    assert_eq!(tokens.len(), 100);
    let taken = redeem(&publisher, &redeemer.url(), "old", &tokens[..2]);
    assert_eq!(taken.status, 200, "{}", taken.body);

    // A first request under the old key is refused, and not bound; under the new one it is answered.
    let mut late = Order::paid(&issuer.url(), PACK, &world.voucher().unwrap()).unwrap();
    let stale = late.request(&old, 100).unwrap();
    world.move_clock(28 * DAY + 7_200).unwrap();
    let refused = late.send(&stale).unwrap();
    assert_eq!((refused.status, refused.problem()), (422, "key-not-issuing".to_owned()));
    assert_eq!(late.state().unwrap(), "paid");
    let fresh = late.request(&new, 100).unwrap();
    let answer = late.send(&fresh).unwrap();
    let tokens = late.tokens(&new, &fresh, &answer).unwrap();
    let taken = redeem(&publisher, &redeemer.url(), "new", &tokens[..1]);
    assert_eq!(taken.status, 200, "{}", taken.body);

    // When the old key has ended, its tokens are refused and its issuance is over.
    world.move_clock(112 * DAY).unwrap();
    let ended = order.send(&request).unwrap();
    assert_eq!((ended.status, ended.problem()), (422, "key-ended".to_owned()));
    let old_tokens = order.tokens(&old, &request, &again).unwrap();
    let expired = publisher.redeem(&redeemer.url(), "ended", &old_tokens[2..3]).unwrap();
    assert_eq!((expired.status, &expired.body["results"][0]), (409, &serde_json::json!("expired")));
}

#[test]
fn a_wallet_that_was_interrupted_finishes_under_the_next_key() {
    let world = world();
    let (issuer, redeemer) = (world.serve(Program::Issuer).unwrap(), world.serve(Program::Redeemer).unwrap());
    let old = key_of(&issuer.url(), CENT).unwrap();
    let publisher = world.publisher("Example").unwrap();
    for (name, step) in [("requested", "wallet.request.saved"), ("answered", "wallet.response.received")] {
        let reader = world.reader(name);
        let voucher = world.voucher().unwrap();
        let crashed =
            reader.run_until(&Reader::buying(&issuer.url(), &redeemer.url(), &voucher), step).unwrap();
        assert!(crashed.crashed() || crashed.status.code() == Some(3), "{step}: {crashed:?}");
    }
    world.move_clock(28 * DAY + 7_200).unwrap();
    next_key(&issuer.url(), &old);
    for name in ["requested", "answered"] {
        let reader = world.reader(name);
        let deadline = Instant::now() + Duration::from_secs(30);
        // The redeemer may not have read the new key yet; the wallet then says so and goes on later.
        while reader.tokens().unwrap() == 0 {
            reader.run(&["resume"]).unwrap();
            assert!(Instant::now() < deadline, "{name}");
        }
        assert_eq!(reader.tokens().unwrap(), 100, "{name}");
        let tokens = reader.export(1).unwrap();
        assert_eq!(redeem(&publisher, &redeemer.url(), name, &tokens).status, 200);
    }
}

#[test]
fn a_revoked_key_is_void_everywhere_and_has_a_successor() {
    let world = world();
    let (issuer, redeemer) = (world.serve(Program::Issuer).unwrap(), world.serve(Program::Redeemer).unwrap());
    let (reader, publisher) = (world.reader("reader"), world.publisher("Example").unwrap());
    reader.buy(&issuer, &redeemer, &world.voucher().unwrap()).unwrap();
    let old = key_of(&issuer.url(), CENT).unwrap();
    let mut waiting = Order::paid(&issuer.url(), PACK, &world.voucher().unwrap()).unwrap();
    let stale = waiting.request(&old, 100).unwrap();

    world.admin(Program::Issuer, &["keys", "revoke", &old.token_key_id().to_string()]).unwrap();
    let new = next_key(&issuer.url(), &old);
    let refused = waiting.send(&stale).unwrap();
    assert_eq!((refused.status, refused.problem()), (422, "key-not-issuing".to_owned()));
    let fresh = waiting.request(&new, 100).unwrap();
    let answer = waiting.send(&fresh).unwrap();
    assert_eq!(answer.status, 200, "{}", answer.json());
    let listed = world.admin(Program::Issuer, &["orders", "attention"]).unwrap();
    assert_eq!(listed.len(), 1, "the order that was issued under the revoked key");

    let tokens = reader.export(1).unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    let mut spent = 0;
    loop {
        let redeemed = publisher.redeem(&redeemer.url(), &format!("void-{spent}"), &tokens).unwrap();
        if redeemed.body["results"][0] == "revoked" {
            break;
        }
        spent += 1;
        assert!(Instant::now() < deadline, "{}", redeemed.body);
    }

    // The wallet hears of it when it next asks, and hands out none of these tokens any more.
    reader.run(&["audit"]).unwrap().done().unwrap();
    assert_eq!(reader.tokens().unwrap(), 0);
    let refused = reader.run(&["tokens", "export", "--count", "1"]).unwrap();
    assert_eq!(refused.status.code(), Some(1), "{}", refused.error);

    // It is listed as revoked for as long as its tokens could have been good, and no longer: by then another key may have
    // its truncated id.
    assert_eq!(directory(&issuer.url()).unwrap().revoked_keys.len(), 1);
    world.move_clock(112 * DAY).unwrap();
    assert!(directory(&issuer.url()).unwrap().revoked_keys.is_empty());
}
