//! What the issuer answers to requests that depend on what was before, on several packs, or on the clock. What is wrong
//! by itself is in the table of bad requests.

use farthing_protocol::{AmortizedBatchTokenRequest, SECONDS_PER_DAY, TokenRequest};
use farthing_tests::http::{self, Answer};
use farthing_tests::programs::Program;
use farthing_tests::{Order, PACK, World, key_of};
use serde_json::json;

use crate::world;

const CENT: u64 = 10_000;
const FIVE_CENTS: u64 = 50_000;

#[track_caller]
fn assert_problem(answer: &Answer, status: u16, kind: &str, field: &str) {
    let seen = (answer.status, answer.problem(), answer.field());
    assert_eq!(seen, (status, kind.to_owned(), field.to_owned()), "{}", answer.json());
    assert!(!answer.json()["detail"].as_str().unwrap().is_empty());
}

fn paid_order(world: &World, issuer: &str, pack: &str) -> Order {
    Order::paid(issuer, pack, &world.vouchers(pack, 1).unwrap()[0]).unwrap()
}

#[test]
fn an_order_takes_one_key_of_its_denomination_and_one_request() {
    let world = world();
    let process = world.serve(Program::Issuer).unwrap();
    let issuer = process.url();
    let (key, other) = (key_of(&issuer, CENT).unwrap(), key_of(&issuer, FIVE_CENTS).unwrap());
    let mut order = paid_order(&world, &issuer, PACK);
    let five_cents = order.request(&other, 100).unwrap();
    let good = order.request(&key, 100).unwrap();

    let refused = order.send(&five_cents).unwrap();
    assert_problem(&refused, 422, "wrong-denomination", "truncated_token_key_id");
    let batch = AmortizedBatchTokenRequest::MEDIA_TYPE;
    let mismatched = order.send_as(batch, Some(other.token_key_id()), &good).unwrap();
    assert_problem(&mismatched, 422, "key-mismatch", farthing_api::TOKEN_KEY_ID_HEADER);
    assert_eq!(order.state().unwrap(), "paid");

    // After that the right request is still answered, and only it.
    let issued = order.send_as(batch, Some(key.token_key_id()), &good).unwrap();
    assert_eq!(issued.status, 200, "{}", issued.json());
    assert_eq!(order.tokens(&key, &good, &issued).unwrap().len(), 100);
    let again = order.send(&good).unwrap();
    assert_eq!(
        again.body[..3 + 32 * 100 - 1],
        issued.body[..3 + 32 * 100 - 1],
        "the same evaluated elements"
    );
    order.tokens(&key, &good, &again).unwrap();
    let another = order.request(&key, 100).unwrap();
    assert_problem(&order.send(&another).unwrap(), 409, "order-used", "");
}

#[test]
fn a_claim_owns_one_order() {
    let world = world();
    let process = world.serve(Program::Issuer).unwrap();
    let url = format!("{}/v1/orders", process.url());
    let good = json!({"pack": PACK, "method": "voucher", "claim": "A".repeat(43)});
    assert_eq!(http::post_json(&url, &[], &good).unwrap().status, 201);
    let again = http::post_json(&url, &[], &good).unwrap();
    assert_eq!(again.status, 200, "the same claim and pack again: the same order");
    let mut other = good;
    other["pack"] = json!("single");
    assert_problem(&http::post_json(&url, &[], &other).unwrap(), 409, "claim-taken", "claim");
}

#[test]
fn vouchers_that_do_not_fit_cost_nothing() {
    let world = world();
    let process = world.serve(Program::Issuer).unwrap();
    let issuer = process.url();
    let order = Order::make(&issuer, PACK).unwrap();
    let fitting = world.voucher().unwrap();
    let other_pack = world.vouchers("single", 1).unwrap().remove(0);
    assert_problem(&order.pay(&other_pack).unwrap(), 422, "voucher-pack", "code");
    assert_eq!(order.state().unwrap(), "pending");
    assert_eq!(order.pay(&fitting.to_lowercase().replace('-', " ")).unwrap().status, 200);
    assert_eq!(order.pay(&fitting).unwrap().status, 200, "the answer may have been lost");
    let second = world.voucher().unwrap();
    assert_problem(&order.pay(&second).unwrap(), 409, "order-not-payable", "");
    let other = Order::make(&issuer, PACK).unwrap();
    assert_problem(&other.pay(&fitting).unwrap(), 409, "voucher-used", "code");
    assert_eq!(other.pay(&second).unwrap().status, 200, "what was refused was not used");

    let late = Order::make(&issuer, PACK).unwrap();
    let unused = world.voucher().unwrap();
    world.move_clock(3 * i64::try_from(SECONDS_PER_DAY).unwrap()).unwrap();
    assert_problem(&late.pay(&unused).unwrap(), 409, "order-not-payable", "");
    assert_eq!(late.state().unwrap(), "expired");
    assert_eq!(Order::make(&issuer, PACK).unwrap().pay(&unused).unwrap().status, 200);
}

#[test]
fn a_pack_of_one_takes_either_form() {
    let world = world();
    let process = world.serve(Program::Issuer).unwrap();
    let issuer = process.url();
    let key = key_of(&issuer, CENT).unwrap();
    let mut order = paid_order(&world, &issuer, "single");
    let batch = order.request(&key, 1).unwrap();
    let single = [&batch[..3], &batch[4..]].concat();
    let answer = order.send_as(TokenRequest::MEDIA_TYPE, None, &single).unwrap();
    assert_eq!((answer.status, answer.body.len()), (200, 96), "{}", answer.json());
    assert_eq!(answer.header("content-type"), "application/private-token-response");
    assert_problem(&order.send(&batch).unwrap(), 409, "order-used", "");
    let mut order = paid_order(&world, &issuer, "single");
    let batch = order.request(&key, 1).unwrap();
    let answer = order.send(&batch).unwrap();
    assert_eq!(order.tokens(&key, &batch, &answer).unwrap().len(), 1);
}
