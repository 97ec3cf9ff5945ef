//! What the redeemer answers to requests that depend on what was before. What is wrong by itself is in the table of bad
//! requests.

use data_encoding::BASE64URL_NOPAD;
use farthing_api::NewRedemption;
use farthing_tests::http::{self, Answer};
use farthing_tests::programs::Program;
use farthing_tests::{Publisher, ServiceProcess, World};
use serde_json::{Value, json};

use crate::world;

#[track_caller]
fn assert_problem(answer: &Answer, status: u16, kind: &str) {
    assert_eq!((answer.status, answer.problem()), (status, kind.to_owned()), "{}", answer.json());
}

/// Services, a publisher, and tokens to spend.
struct Scene {
    world: World,
    _issuer: ServiceProcess,
    redeemer: ServiceProcess,
    publisher: Publisher,
    tokens: Vec<String>,
}

impl Scene {
    fn new() -> Self {
        let world = world();
        let (issuer, redeemer) =
            (world.serve(Program::Issuer).unwrap(), world.serve(Program::Redeemer).unwrap());
        let publisher = world.publisher("Example").unwrap();
        let reader = world.reader("reader");
        reader.buy(&issuer, &redeemer, &world.voucher().unwrap()).unwrap();
        let tokens = reader.export(20).unwrap();
        Self { world, _issuer: issuer, redeemer, publisher, tokens }
    }

    fn post(&self, headers: &[(&str, &str)], content_type: &str, body: &[u8]) -> Answer {
        let mut headers = headers.to_vec();
        headers.push(("Content-Type", content_type));
        http::post(&format!("{}/v1/redemptions", self.redeemer.url()), &headers, body.to_vec()).unwrap()
    }

    fn results(&self, key: &str, tokens: &[String]) -> (u16, Value) {
        let redeemed = self.publisher.redeem(&self.redeemer.url(), key, tokens).unwrap();
        (redeemed.status, redeemed.body["results"].clone())
    }

    fn credit(&self) -> u64 {
        self.publisher.credit_micros(&self.redeemer.url()).unwrap()
    }
}

/// A token with one bit changed at a byte.
fn forged(token: &str, at: usize) -> String {
    let mut bytes = BASE64URL_NOPAD.decode(token.as_bytes()).unwrap();
    bytes[at] ^= 1;
    BASE64URL_NOPAD.encode(&bytes)
}

#[test]
fn tokens_are_taken_all_or_none_or_each_for_itself() {
    let scene = Scene::new();
    let good = &scene.tokens[0];
    let tokens = [good.clone(), forged(&scene.tokens[1], 98)];
    assert_eq!(scene.results("forged", &tokens), (409, json!(["not-tried", "invalid"])));
    assert_eq!(scene.credit(), 0);
    assert_eq!(scene.results("good", &scene.tokens[..2]).0, 200, "a forgery burns nothing");
    assert_eq!(scene.results("spent", &scene.tokens[1..3]), (409, json!(["spent", "not-tried"])));
    assert_eq!(scene.credit(), 20_000);

    let each = NewRedemption { tokens: [&scene.tokens[1..3], &[forged(good, 2)]].concat(), atomic: false };
    let taken = scene.publisher.post(&scene.redeemer.url(), "each", &each).unwrap();
    assert_eq!((taken.status, &taken.body["results"]), (409, &json!(["spent", "accepted", "invalid"])));
    let again = scene.publisher.post(&scene.redeemer.url(), "each", &each).unwrap();
    assert_eq!((again.status, &again.body["results"]), (409, &taken.body["results"]));
    assert_eq!(again.body["replayed"], json!(true));
    assert_eq!(scene.credit(), 30_000);
}

#[test]
fn the_two_forms_of_a_redemption_are_one_request() {
    let scene = Scene::new();
    let bearer = scene.publisher.bearer();
    let authorization = ("Authorization", bearer.as_str());
    let key = ("Idempotency-Key", "a");
    let body = serde_json::to_vec(&json!({"tokens": [scene.tokens[0]]})).unwrap();
    let (json_type, binary) = ("application/json", "application/octet-stream");
    let token = BASE64URL_NOPAD.decode(scene.tokens[0].as_bytes()).unwrap();
    let taken = scene.post(&[authorization, key], binary, &token);
    assert_eq!(taken.status, 200, "{}", taken.json());
    assert_eq!(scene.post(&[authorization, key], json_type, &body).json()["replayed"], json!(true));
    let other = serde_json::to_vec(&json!({"tokens": [scene.tokens[1]]})).unwrap();
    assert_problem(&scene.post(&[authorization, key], json_type, &other), 422, "idempotency-key-reused");
    let lost = scene.publisher.earlier(&scene.redeemer.url(), "never").unwrap();
    assert_eq!(lost.status, 404);
    let kept = scene.publisher.earlier(&scene.redeemer.url(), "a").unwrap();
    assert_eq!((kept.status, &kept.body["replayed"]), (200, &json!(true)));
}

#[test]
fn a_revoked_api_key_is_refused_at_once() {
    let scene = Scene::new();
    let id = &scene.publisher.id;
    let listed = scene.world.admin(Program::Redeemer, &["publishers", "list"]).unwrap();
    let listed: Value = serde_json::from_str(&listed[0]).unwrap();
    let key = listed["keys"][0]["id"].as_str().unwrap();
    scene.world.admin(Program::Redeemer, &["publishers", "keys", "revoke", id, key]).unwrap();
    let refused = scene.publisher.redeem(&scene.redeemer.url(), "a", &scene.tokens[..1]).unwrap();
    assert_eq!(refused.status, 401);
    let added = scene.world.admin(Program::Redeemer, &["publishers", "keys", "add", id]).unwrap();
    let added: Value = serde_json::from_str(&added[0]).unwrap();
    let rolled = Publisher { id: id.clone(), api_key: added["api_key"].as_str().unwrap().to_owned() };
    assert_eq!(rolled.redeem(&scene.redeemer.url(), "a", &scene.tokens[..1]).unwrap().status, 200);
}

#[test]
fn of_many_that_spend_a_token_at_once_one_is_paid() {
    let scene = Scene::new();
    let token = &scene.tokens[..1];
    let accepted: usize = std::thread::scope(|scope| {
        let tries: Vec<_> = (0..16)
            .map(|number| {
                let scene = &scene;
                scope.spawn(move || usize::from(scene.results(&format!("try-{number}"), token).0 == 200))
            })
            .collect();
        tries.into_iter().map(|one| one.join().unwrap()).sum()
    });
    assert_eq!((accepted, scene.credit()), (1, 10_000));
}
