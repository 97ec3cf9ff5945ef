//! What the issuer answers to bad input: each line of the API's promise, against the running service.

use farthing_protocol::{AmortizedBatchTokenRequest, SECONDS_PER_DAY, TokenRequest};
use farthing_tests::http::{self, Answer};
use farthing_tests::programs::Program;
use farthing_tests::{Order, PACK, World, directory, key_of};
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
fn a_wrong_token_request_is_named_and_binds_nothing() {
    let world = world();
    let process = world.serve(Program::Issuer).unwrap();
    let issuer = process.url();
    let (key, other) = (key_of(&issuer, CENT).unwrap(), key_of(&issuer, FIVE_CENTS).unwrap());
    let mut order = paid_order(&world, &issuer, PACK);
    let good = order.request(&key, 100).unwrap();
    let changed = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut body = good.clone();
        change(&mut body);
        body
    };
    let element = |index: usize| 5 + 32 * index;
    let unknown = {
        let taken: Vec<u8> = directory(&issuer)
            .unwrap()
            .token_keys
            .iter()
            .map(|key| key.token_key_id().truncated().as_u8())
            .collect();
        (0..=u8::MAX).find(|id| !taken.contains(id)).unwrap()
    };
    let not_minimal = [&good[..3], &[0x80, 0, 0x0c, 0x80], &good[5..]].concat();
    let one_short = Order::request(&mut paid_order(&world, &issuer, PACK), &key, 99).unwrap();
    let five_cents = Order::request(&mut paid_order(&world, &issuer, PACK), &other, 100).unwrap();

    for (body, kind, field) in [
        (vec![], "malformed", "token_type"),
        (good[..2].to_vec(), "malformed", "truncated_token_key_id"),
        (good[..good.len() - 1].to_vec(), "malformed", "blinded_msgs"),
        (changed(&|body| body.push(0)), "malformed", "amortized_batch_token_request"),
        (not_minimal, "malformed", "blinded_msgs"),
        (changed(&|body| body[1] = 1), "token-type", "token_type"),
        (changed(&|body| body[2] = unknown), "key-unknown", "truncated_token_key_id"),
        (changed(&|body| body[element(3)..element(4)].fill(0)), "invalid-element", "blinded_msgs[3]"),
        (changed(&|body| body[element(99)..element(100)].fill(0xff)), "invalid-element", "blinded_msgs[99]"),
        // Canonical and even, but no square: only the evaluation finds out.
        (
            changed(&|body| {
                body[element(7)..element(8)].fill(0);
                body[element(7)] = no_element();
            }),
            "invalid-element",
            "blinded_msgs[7]",
        ),
        (one_short, "element-count", "blinded_msgs"),
        (five_cents, "wrong-denomination", "truncated_token_key_id"),
    ] {
        assert_problem(&order.send(&body).unwrap(), 422, kind, field);
        assert_eq!(order.state().unwrap(), "paid", "{kind} {field}");
    }

    let batch = AmortizedBatchTokenRequest::MEDIA_TYPE;
    let header = farthing_api::TOKEN_KEY_ID_HEADER;
    let mismatched = order.send_as(batch, Some(other.token_key_id()), &good).unwrap();
    assert_problem(&mismatched, 422, "key-mismatch", header);
    assert_problem(
        &order.send_as("application/json", None, &good).unwrap(),
        415,
        "media-type",
        "Content-Type",
    );
    assert_problem(&order.send(&vec![0; 400_000]).unwrap(), 413, "body-too-long", "body");
    let single = order.send_as(TokenRequest::MEDIA_TYPE, None, &good[..35]).unwrap();
    assert_eq!(single.status, 422, "a single request for a pack of 100");
    assert_eq!(order.state().unwrap(), "paid");

    // After all that the right request is still answered, and only it.
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

/// A small even number that encodes no element.
fn no_element() -> u8 {
    let key = farthing_voprf::SecretKey::derive(&[1; 32], b"test").unwrap();
    (2..=254)
        .step_by(2)
        .find(|byte| {
            let mut element = [0; 32];
            element[0] = *byte;
            key.evaluate_blinded(&[element], &[0; 32]).is_err()
        })
        .unwrap()
}

#[test]
fn owners_and_payment_are_checked() {
    let world = world();
    let process = world.serve(Program::Issuer).unwrap();
    let issuer = process.url();
    let key = key_of(&issuer, CENT).unwrap();
    let mut order = Order::make(&issuer, PACK).unwrap();
    let request = order.request(&key, 100).unwrap();
    assert_problem(&order.send(&request).unwrap(), 402, "order-unpaid", "");

    let batch = ("Content-Type", AmortizedBatchTokenRequest::MEDIA_TYPE);
    let url = format!("{issuer}/token-request");
    for authorization in [None, Some("Basic QUFB"), Some("Bearer AAAA")] {
        let mut headers = vec![batch];
        headers.extend(authorization.map(|value| ("Authorization", value)));
        let answer = http::post(&url, &headers, request.clone()).unwrap();
        assert_problem(&answer, 401, "claim-unknown", "Authorization");
        assert_eq!(answer.header("www-authenticate"), "Bearer");
    }
    let stranger = format!("Bearer {}", "A".repeat(43));
    let answer = http::post(&url, &[batch, ("Authorization", &stranger)], request).unwrap();
    assert_problem(&answer, 401, "claim-unknown", "");
    let nobody = http::get(&format!("{issuer}/v1/order"), &[("Authorization", &stranger)]).unwrap();
    assert_problem(&nobody, 401, "claim-unknown", "");
    assert_eq!(order.state().unwrap(), "pending");
}

#[test]
fn wrong_orders_are_named() {
    let world = world();
    let process = world.serve(Program::Issuer).unwrap();
    let url = format!("{}/v1/orders", process.url());
    let claim = "A".repeat(43);
    let good = json!({"pack": PACK, "method": "voucher", "claim": claim});
    let with = |member: &str, value: serde_json::Value| {
        let mut body = good.clone();
        body[member] = value;
        http::post_json(&url, &[], &body).unwrap()
    };
    assert_problem(&with("pack", json!("nothing")), 404, "pack-unknown", "pack");
    assert_problem(&with("method", json!("barter")), 422, "method-unknown", "method");
    assert_problem(&with("claim", json!("AAAA")), 422, "malformed", "claim");
    assert_problem(&with("claim", json!(7)), 422, "malformed", "claim");
    assert_problem(&with("colour", json!("red")), 422, "malformed", "colour");
    let text = http::post(&url, &[("Content-Type", "text/plain")], b"{}".to_vec()).unwrap();
    assert_problem(&text, 415, "media-type", "Content-Type");
    let json = ("Content-Type", "application/json");
    assert_problem(&http::post(&url, &[json], b"{".to_vec()).unwrap(), 422, "malformed", "body");
    assert_problem(&http::post(&url, &[json], vec![b' '; 20_000]).unwrap(), 413, "body-too-long", "body");
    assert_problem(&http::get(&url, &[]).unwrap(), 405, "method-not-allowed", "");
    assert_problem(&http::get(&format!("{}/v2", process.url()), &[]).unwrap(), 404, "not-found", "");

    assert_eq!(http::post_json(&url, &[], &good).unwrap().status, 201);
    let again = http::post_json(&url, &[], &good).unwrap();
    assert_eq!(again.status, 200, "the same claim and pack again: the same order");
    assert_problem(&with("pack", json!("single")), 409, "claim-taken", "claim");
}

#[test]
fn vouchers_that_do_not_fit_cost_nothing() {
    let world = world();
    let process = world.serve(Program::Issuer).unwrap();
    let issuer = process.url();
    let order = Order::make(&issuer, PACK).unwrap();
    let fitting = world.voucher().unwrap();
    assert_problem(&order.pay("no code at all").unwrap(), 404, "voucher-unknown", "code");
    assert_problem(&order.pay("00000-00000-00000-00000-00000-0").unwrap(), 404, "voucher-unknown", "code");
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
    let unknown =
        http::post_json(&format!("{issuer}/v1/orders/AAAA/voucher"), &[], &json!({"code": fitting}));
    assert_problem(&unknown.unwrap(), 404, "order-unknown", "id");

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
