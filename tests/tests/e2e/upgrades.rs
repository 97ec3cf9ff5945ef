//! What released versions left is opened, and all of it still holds.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use farthing_api::TokenResult;
use farthing_protocol::AmortizedBatchTokenResponse;
use farthing_tests::programs::Program;
use farthing_tests::store_fixture::{Expected, Kind, READER, totals};
use farthing_tests::{Order, Publisher, ServiceProcess, World, http, key_of};
use serde_json::json;

use crate::BINARY;

/// Longest wait for an address that another run of this test listens on.
const PATIENCE: Duration = Duration::from_mins(2);
const HOUR: u64 = 3_600;
const ONE_CENT: u64 = 10_000;

/// The fixtures of one kind of store, of every version.
pub fn fixtures(kind: Kind) -> Vec<PathBuf> {
    let versions = fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/stores")).unwrap();
    let mut found: Vec<_> = versions
        .map(|entry| entry.unwrap().path().join(kind.name()))
        .filter(|fixture| fixture.is_dir())
        .collect();
    found.sort();
    found
}

/// The fixture that the present version wrote.
pub fn present(kind: Kind) -> PathBuf {
    let version = Path::new(env!("CARGO_PKG_VERSION")).join(kind.name());
    let found = fixtures(kind).into_iter().find(|fixture| fixture.ends_with(&version));
    found.unwrap_or_else(|| panic!("no stores of {}: run `cargo xtask store-fixture`", version.display()))
}

/// Starts a service where it listened when the fixture was written: a wallet knows it by that.
fn serve_at(world: &World, program: Program, url: &str) -> ServiceProcess {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match world.serve_at(program, url) {
            Ok(process) => return process,
            Err(error) if error.to_string().contains("in use") && Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(50));
            }
            Err(error) => panic!("{error:#}"),
        }
    }
}

#[track_caller]
fn assert_taken(publisher: &Publisher, redeemer: &str, name: &str, tokens: &[String]) {
    let taken = publisher.redeem(redeemer, name, tokens).unwrap();
    assert_eq!(taken.status, 200, "{name}: {}", taken.body);
    let answer = taken.answer().unwrap();
    assert!(!answer.replayed);
    assert_eq!(answer.results, vec![TokenResult::Accepted; tokens.len()]);
}

/// Issues an order of one token, and redeems that.
#[track_caller]
fn assert_issued(mut order: Order, issuer: &str, publisher: &Publisher, redeemer: &str) {
    let key = key_of(issuer, ONE_CENT).unwrap();
    let request = order.request(&key, 1).unwrap();
    let answer = order.send(&request).unwrap();
    assert_eq!(answer.status, 200, "{}", answer.json());
    let tokens = order.tokens(&key, &request, &answer).unwrap();
    assert_taken(publisher, redeemer, &order.id, &tokens);
    assert_eq!(order.state().unwrap(), "issued");
}

fn everything_holds(fixture: &Path) {
    let expected = Expected::read(fixture).unwrap();
    let world = World::kept(BINARY, fixture, expected.written_at + HOUR).unwrap();
    let issuer = serve_at(&world, Program::Issuer, &expected.urls.issuer);
    let redeemer = serve_at(&world, Program::Redeemer, &expected.urls.redeemer);
    what_was_published_holds(&expected, &issuer, &redeemer);
    publishers_and_tokens_hold(&expected, &world, &redeemer.url());
    orders_and_vouchers_hold(&expected, &issuer.url(), &redeemer.url());
    revocations_hold(&expected, &world, &issuer.url(), &redeemer.url());

    let (reader, buying) = (world.reader(READER), &expected.vouchers.unused_pack);
    assert_eq!(reader.tokens().unwrap(), expected.wallet_tokens);
    let again = reader.run(&["tokens", "export", "--again", "1"]).unwrap().done().unwrap();
    assert!(expected.unspent.iter().all(|token| again["tokens"].as_array().unwrap().contains(&json!(token))));
    reader.run(&["resume"]).unwrap().done().unwrap();
    assert_eq!(reader.tokens().unwrap(), expected.wallet_tokens + expected.unfinished_tokens);
    reader.buy(&issuer, &redeemer, buying).unwrap();
    assert_eq!(reader.tokens().unwrap(), expected.wallet_tokens + expected.unfinished_tokens + 100);
    assert_taken(&expected.publisher.publisher(), &redeemer.url(), "new", &reader.export(2).unwrap());

    // Old and new are counted together: two orders of one token, and the wallet's purchases; the tokens of three orders
    // and two of the wallet's.
    world.stop_clock(expected.written_at + 24 * HOUR).unwrap();
    let sum = |service| totals(service).unwrap().keys.iter().map(|key| key.tokens).sum::<u64>();
    assert_eq!(sum(&issuer), expected.issued_tokens + 2 + expected.unfinished_tokens + 100);
    let spent_before: usize = expected.redemptions.iter().map(|redemption| redemption.tokens.len()).sum();
    assert_eq!(sum(&redeemer), (spent_before + expected.unspent.len() + 5) as u64);
    reader.run(&["audit"]).unwrap().done().unwrap();

    for service in [issuer, redeemer] {
        let log = service.log().to_owned();
        service.stop().unwrap();
        let log = fs::read_to_string(log).unwrap();
        assert!(!log.contains("ERROR") && !log.contains("WARN"), "{log}");
    }
}

fn what_was_published_holds(expected: &Expected, issuer: &ServiceProcess, redeemer: &ServiceProcess) {
    assert_eq!(totals(issuer).unwrap(), expected.totals.issuer);
    assert_eq!(totals(redeemer).unwrap(), expected.totals.redeemer);
    for (service, keys) in
        [(issuer, &expected.signing_keys.issuer), (redeemer, &expected.signing_keys.redeemer)]
    {
        let url = format!("{}{}", service.url(), farthing_api::SIGNING_KEYS_PATH);
        let published: farthing_api::JwkSet =
            serde_json::from_slice(&http::get(&url, &[]).unwrap().body).unwrap();
        assert_eq!(published, *keys);
        assert_eq!(http::get(&format!("{}/readyz", service.url()), &[]).unwrap().status, 200);
    }
}

fn publishers_and_tokens_hold(expected: &Expected, world: &World, redeemer: &str) {
    let known = &expected.publisher;
    let listed = world.admin(Program::Redeemer, &["publishers", "list"]).unwrap();
    let listed: serde_json::Value = serde_json::from_str(&listed[0]).unwrap();
    assert_eq!((listed["id"].as_str(), listed["name"].as_str()), (Some(&*known.id), Some(&*known.name)));
    let publisher = known.publisher();
    assert_eq!(publisher.credit_micros(redeemer).unwrap(), known.credit_micros);

    for earlier in &expected.redemptions {
        for again in [
            publisher.redeem(redeemer, &earlier.idempotency_key, &earlier.tokens).unwrap(),
            publisher.earlier(redeemer, &earlier.idempotency_key).unwrap(),
        ] {
            let mut answer = again.answer().unwrap();
            assert!(answer.replayed, "{}", again.body);
            assert_eq!(answer.receipt.take().is_some(), answer.accepted > 0, "{}", again.body);
            let was = farthing_api::RedemptionAnswer { replayed: true, ..earlier.answer.clone() };
            assert_eq!((again.status, answer), (200, was));
        }
        let other = publisher.redeem(redeemer, &earlier.idempotency_key, &expected.unspent).unwrap();
        assert_eq!(other.status, 422, "{}", other.body);
        let spent = publisher.redeem(redeemer, "spent", &earlier.tokens).unwrap();
        assert_eq!(spent.status, 409);
        assert_eq!(spent.answer().unwrap().results, vec![TokenResult::Spent; earlier.tokens.len()]);
    }
    assert_taken(&publisher, redeemer, "unspent", &expected.unspent);
    let credit = known.credit_micros + ONE_CENT * expected.unspent.len() as u64;
    assert_eq!(publisher.credit_micros(redeemer).unwrap(), credit);
}

fn orders_and_vouchers_hold(expected: &Expected, issuer: &str, redeemer: &str) {
    let publisher = expected.publisher.publisher();
    let issued = expected.issued.order.order(issuer);
    assert_eq!(issued.state().unwrap(), "issued");
    let answer = issued.send(&expected.issued.request.0).unwrap();
    assert_eq!(answer.status, 200, "{}", answer.json());
    let evaluated = AmortizedBatchTokenResponse::decode(&answer.body).unwrap().elements();
    assert_eq!(evaluated, expected.issued.evaluated.iter().map(|element| element.0).collect::<Vec<_>>());
    assert_taken(&publisher, redeemer, "issued", &expected.issued.tokens);

    let paid = expected.paid.order(issuer);
    assert_eq!(paid.state().unwrap(), "paid");
    assert_issued(paid, issuer, &publisher, redeemer);

    let pending = expected.pending.order(issuer);
    assert_eq!(pending.state().unwrap(), "pending");
    let refused = pending.pay(&expected.vouchers.used).unwrap();
    assert_eq!((refused.status, refused.problem().as_str()), (409, "voucher-used"));
    let unused = pending.pay(&expected.vouchers.unused_single).unwrap();
    assert_eq!(unused.status, 200, "{}", unused.json());
    assert_issued(pending, issuer, &publisher, redeemer);
}

fn revocations_hold(expected: &Expected, world: &World, issuer: &str, redeemer: &str) {
    let revoked = &expected.revoked;
    let repeated = revoked.order.order(issuer).send(&revoked.request.0).unwrap();
    assert_eq!(repeated.problem(), "key-ended");
    let attention = world.admin(Program::Issuer, &["orders", "attention"]).unwrap();
    assert!(attention.len() == 1 && attention[0].contains(&revoked.order.id), "{attention:?}");
    let refused = expected.publisher.publisher().redeem(redeemer, "revoked", &revoked.tokens).unwrap();
    let results = refused.answer().unwrap().results;
    assert_eq!((refused.status, results), (409, vec![TokenResult::Revoked; revoked.tokens.len()]));
}

#[test]
fn what_was_written_before_holds_in_the_embedded_store() {
    present(Kind::Embedded);
    for fixture in fixtures(Kind::Embedded) {
        everything_holds(&fixture);
    }
}

#[test]
fn what_was_written_before_holds_on_redis() {
    present(Kind::Redis);
    for fixture in fixtures(Kind::Redis) {
        everything_holds(&fixture);
    }
}
