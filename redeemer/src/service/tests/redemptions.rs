//! Redeeming: what is taken, refused and answered again.

use farthing_api::{Envelope, Receipt};

use super::*;

#[test]
fn tokens_are_taken_once_and_credited() {
    let (cent, dime) = (TestKey::new(1), TestKey::starting(2, 1, "EUR-100000"));
    let running = Running::start(&[&cent, &dime]);
    let [first, second, future] = [cent.token(1), cent.token(2), dime.token(1)];
    let answer = running.redeem("a", &[&first, &future], true);
    answer.results(200, &["accepted", "accepted"]);
    let mut answer = answer.json();
    let receipt: Envelope = serde_json::from_value(answer["receipt"].take()).unwrap();
    let receipt: Receipt = serde_json::from_slice(&receipt.payload.0).unwrap();
    assert_eq!(serde_json::to_value(receipt.credited).unwrap(), answer["credited"]);
    assert_eq!(
        answer,
        json!({"receipt": null, "results": ["accepted", "accepted"], "accepted": 2, "replayed": false,
               "credited": [{"currency": "EUR", "micros": 110_000, "tokens": 2}]})
    );
    running.redeem("b", &[&first, &second], true).results(409, &["spent", "not-tried"]);
    running.redeem("c", &[&first, &second], false).results(409, &["spent", "accepted"]);
    let balance = running.balance();
    assert_eq!(balance["credit"], json!([{"currency": "EUR", "micros": 120_000, "tokens": 3}]));
    let steps = running.steps.lock().unwrap();
    assert_eq!(steps.iter().filter(|step| *step == "redemption.after").count(), 3);
}

#[test]
fn a_repeated_request_gets_its_answer_again() {
    let cent = TestKey::new(1);
    let running = Running::start(&[&cent]);
    let [first, second, third] = [1, 2, 3].map(|number| cent.token(number));
    let given = running.redeem("/articles/1 a", &[&first], true);
    given.results(200, &["accepted"]);
    let receipt = given.json()["receipt"].clone();
    running.redeem("b", &[&first, &second], false).results(409, &["spent", "accepted"]);
    for answer in [
        running.redeem("/articles/1 a", &[&first], true),
        running.redeem_octets("/v1/redemptions", "/articles/1 a", &[&first]),
        running.get("/v1/redemptions/%2Farticles%2F1%20a"),
    ] {
        answer.results(200, &["accepted"]);
        assert_eq!(answer.json()["replayed"], true);
        assert_eq!(answer.json()["receipt"], receipt);
        assert_eq!(answer.json()["credited"][0]["tokens"], 1);
    }
    for answer in [
        running.redeem_octets("/v1/redemptions?atomic=false", "b", &[&first, &second]),
        running.get("/v1/redemptions/b"),
    ] {
        answer.results(409, &["spent", "accepted"]);
        assert_eq!(answer.json()["replayed"], true);
    }
    let reused = (ProblemKind::IdempotencyKeyReused, Some("Idempotency-Key".to_owned()));
    assert_eq!(running.redeem("b", &[&third], false).problem(), reused);
    assert_eq!(running.redeem("b", &[&first, &second], true).problem(), reused);
    assert_eq!(running.euro_tokens(), 2);

    // A refusal is not kept, and an answer that is goes in the end.
    running.redeem("c", &[&first], true).results(409, &["spent"]);
    assert_eq!(running.get("/v1/redemptions/c").problem(), (ProblemKind::RedemptionUnknown, None));
    running.redeem("c", &[&third], true).results(200, &["accepted"]);
    running.clock.0.store(NOW + 48 * 3_600, Ordering::Relaxed);
    assert_eq!(running.get("/v1/redemptions/b").status(), 404);
    running.redeem("b", &[&first, &second], false).results(409, &["spent", "spent"]);
}

#[test]
fn bad_tokens_get_their_results_and_burn_nothing() {
    let [cent, revoked, unknown] =
        [(1, 0), (2, 1), (3, 0)].map(|(seed, offset)| TestKey::starting(seed, offset, "EUR-10000"));
    let running = Running::start(&[&cent, &revoked]);
    let good = cent.token(1);
    running.redeem("r", &[&revoked.token(1)], true).results(200, &["accepted"]);
    revoked.revoke(&running.redeemer.config.current().keyring);
    running.reload();
    let foreign = TokenChallenge::for_purchase(IssuerName::new("other.example").unwrap()).digest();
    let mut forged = cent.token(2).encode();
    forged[161] ^= 1;
    let forged = Token::decode(&forged).unwrap();
    let bad = [
        (&forged, "invalid"),
        (&cent.token_for(3, foreign), "invalid"),
        (&revoked.token(2), "revoked"),
        (&unknown.token(1), "unknown-key"),
    ];
    for (token, result) in bad {
        running.redeem("bad", &[token, &good], true).results(409, &[result, "not-tried"]);
    }
    running.redeem("twice", &[&good, &good], true).results(409, &["not-tried", "spent"]);
    let tokens = json!({"tokens": ["?", "AAAA", BASE64URL_NOPAD.encode(&[0; 162])]});
    let body = serde_json::to_vec(&tokens).unwrap();
    let answer = send(running.post("/v1/redemptions", "text", "application/json").body(body).unwrap());
    answer.results(409, &["invalid"; 3]);
    running.redeem("twice", &[&good, &good], false).results(409, &["accepted", "spent"]);
    assert_eq!(running.euro_tokens(), 2);
    // A forged token burnt nothing: the genuine one of its nonce is good.
    running.redeem("genuine", &[&cent.token(2)], true).results(200, &["accepted"]);

    let last = cent.token(9);
    running.clock.0.store(NOW + 112 * SECONDS_PER_DAY, Ordering::Relaxed);
    running.redeem("late", &[&last], true).results(409, &["expired"]);
    running.reload();
    running.redeem("later", &[&last], true).results(409, &["expired"]);
}

#[test]
fn equal_requests_at_once_are_answered_alike_and_credited_once() {
    let cent = TestKey::new(1);
    let running = Running::start(&[&cent]);
    let tokens: Vec<_> = (0..10).map(|number| cent.token(number)).collect();
    let tokens: Vec<_> = tokens.iter().collect();
    let replayed: Vec<Value> = std::thread::scope(|scope| {
        let requests: Vec<_> = (0..8).map(|_| scope.spawn(|| running.redeem("a", &tokens, true))).collect();
        let answers = requests.into_iter().map(|request| request.join().unwrap());
        answers
            .map(|answer| {
                answer.results(200, &["accepted"; 10]);
                answer.json()["replayed"].clone()
            })
            .collect()
    });
    assert_eq!(replayed.iter().filter(|replayed| **replayed == false).count(), 1);
    assert_eq!(running.euro_tokens(), 10);
}

#[test]
fn the_store_links_no_token_to_a_publisher_a_request_or_a_minute() {
    let cent = TestKey::new(1);
    let running = Running::start(&[&cent]);
    running.clock.0.store(NOW + 1_234, Ordering::Relaxed);
    let token = cent.token(1);
    running.redeem("/articles/secret", &[&token], true).results(200, &["accepted"]);
    let dumped =
        admin::run(Command::DumpStore, &running.redeemer.config.current(), &Environment::production())
            .unwrap();
    let records = dumped.as_array().unwrap();
    let mark = data_encoding::HEXLOWER.encode(&token.authenticator().as_bytes()[..16]);
    let marks: Vec<_> = records.iter().filter(|record| record.to_string().contains(&mark)).collect();
    assert_eq!(marks.len(), 1);
    assert_eq!(marks[0]["table"], "spent-marks");
    assert_eq!(marks[0]["record"], "", "a mark says nothing but itself");
    let all = dumped.to_string();
    let nonce = token.nonce().as_bytes();
    let hidden = [
        data_encoding::HEXLOWER.encode(nonce),
        BASE64URL_NOPAD.encode(nonce),
        data_encoding::HEXLOWER.encode(b"/articles/secret"),
        "/articles/secret".to_owned(),
        running.api_key.clone(),
        (NOW + 1_234).to_string(),
    ];
    for text in hidden {
        assert!(!all.contains(&text), "{text}");
    }
    // The one time that is kept is a full hour.
    let kept = records.iter().find(|record| record["table"] == "kept-answers").unwrap();
    assert_eq!(kept["record"]["forget_from"].as_u64().unwrap() % 3_600, 0);
}
