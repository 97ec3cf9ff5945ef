//! Requests that are refused before any token is looked at.

use super::*;

#[test]
fn bad_requests_are_problems_that_name_the_field() {
    use ProblemKind::{
        ApiKeyUnknown, BadRequest, BodyTooLong, IdempotencyKeyMissing, Malformed, MediaType,
        MethodNotAllowed, NotFound, TokenCount,
    };
    let cent = TestKey::new(1);
    let running = Running::start(&[&cent]);
    let token = cent.token(1);
    let json_body = |tokens: usize| {
        serde_json::to_vec(&json!({"tokens": vec![BASE64URL_NOPAD.encode(&token.encode()); tokens]})).unwrap()
    };
    let octets = token.encode().to_vec();
    let (json, binary) = ("application/json", "application/octet-stream");
    let path = "/v1/redemptions";
    for (request, kind, field) in [
        (running.post(path, "k", "text/plain").body(octets.clone()), MediaType, Some("Content-Type")),
        (running.post(path, "k", binary).body(vec![0; 256 * 1024 + 1]), BodyTooLong, Some("body")),
        (running.post(path, "k", binary).body(octets[..161].to_vec()), Malformed, Some("tokens")),
        (running.post(path, "k", binary).body([&octets[..], &[0]].concat()), Malformed, Some("tokens")),
        (running.post(path, "k", binary).body(Vec::new()), TokenCount, Some("tokens")),
        (running.post(path, "k", binary).body(octets.repeat(1_001)), TokenCount, Some("tokens")),
        (running.post(path, "k", json).body(json_body(0)), TokenCount, Some("tokens")),
        (running.post(path, "k", json).body(json_body(1_001)), TokenCount, Some("tokens")),
        (running.post(path, "k", json).body(b"{".to_vec()), Malformed, Some("body")),
        (running.post(path, "k", json).body(b"{\"tokens\":[7]}".to_vec()), Malformed, Some("tokens[0]")),
        (running.post(path, "k", json).body(b"{\"tokens\":[],\"x\":1}".to_vec()), Malformed, Some("x")),
        (
            running.post("/v1/redemptions?atomic=false", "k", json).body(json_body(1)),
            BadRequest,
            Some("atomic"),
        ),
        (
            running.post("/v1/redemptions?atomic=no", "k", binary).body(octets.clone()),
            BadRequest,
            Some("query"),
        ),
        (running.post("/v1/redemptions?x=1", "k", binary).body(octets.clone()), BadRequest, Some("query")),
        (running.post(path, "\t", json).body(json_body(1)), IdempotencyKeyMissing, Some("Idempotency-Key")),
        (
            running.post(path, &"k".repeat(256), json).body(json_body(1)),
            IdempotencyKeyMissing,
            Some("Idempotency-Key"),
        ),
        (
            running.post(path, "k", json).header("Idempotency-Key", "l").body(json_body(1)),
            IdempotencyKeyMissing,
            Some("Idempotency-Key"),
        ),
        (running.post("/v1/balance", "k", json).body(json_body(1)), MethodNotAllowed, None),
        (running.post("/v1/nothing", "k", json).body(json_body(1)), NotFound, None),
    ] {
        let answer = send(request.unwrap());
        assert_eq!(
            answer.problem(),
            (kind, field.map(str::to_owned)),
            "{}",
            String::from_utf8_lossy(&answer.body)
        );
        assert_eq!(answer.status(), kind.status());
    }
    let no_key = Request::post(format!("{}{path}", running.url))
        .header("Authorization", format!("Bearer {}", running.api_key))
        .header("Content-Type", json)
        .body(json_body(1))
        .unwrap();
    assert_eq!(send(no_key).problem().0, IdempotencyKeyMissing);

    let stranger = crate::publishers::ApiKey::random().unwrap().reveal();
    for authorization in [
        None,
        Some("Basic eDp5".to_owned()),
        Some(format!("Bearer {}", *stranger)),
        Some("Bearer x".to_owned()),
    ] {
        for (method, path) in [("POST", path), ("GET", "/v1/redemptions/k"), ("GET", "/v1/balance")] {
            let mut request = Request::builder().method(method).uri(format!("{}{path}", running.url));
            if let Some(value) = &authorization {
                request = request.header("Authorization", value);
            }
            let request = request.header("Idempotency-Key", "k").header("Content-Type", json);
            let body = if method == "POST" { json_body(1) } else { Vec::new() };
            let answer = send(request.body(body).unwrap());
            assert_eq!(answer.problem(), (ApiKeyUnknown, Some("Authorization".to_owned())), "{path}");
            assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
        }
    }
    assert_eq!(running.euro_tokens(), Value::Null);
    running.redeem("k", &[&token], true).results(200, &["accepted"]);
}

#[test]
fn a_revoked_api_key_is_refused_and_the_next_serves() {
    let cent = TestKey::new(1);
    let mut running = Running::start(&[&cent]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let execute = |command| runtime.block_on(running.redeemer.obey(command)).unwrap();
    let listed = execute(Command::ListPublishers);
    let publisher = serde_json::from_value(listed[0]["id"].clone()).unwrap();
    let next = execute(Command::AddKey { publisher })[0]["api_key"].as_str().unwrap().to_owned();
    let key = serde_json::from_value(listed[0]["keys"][0]["id"].clone()).unwrap();
    execute(Command::RevokeKey { publisher, key });
    assert_eq!(running.redeem("a", &[&cent.token(1)], true).problem().0, ProblemKind::ApiKeyUnknown);
    running.api_key = next;
    running.redeem("a", &[&cent.token(1)], true).results(200, &["accepted"]);
}

#[test]
fn commands_reach_the_running_service() {
    let running = Running::start(&[&TestKey::new(1)]);
    let config = &*running.redeemer.config.current();
    let listed = farthing_service::admin_socket::call(&config.admin_socket, &Command::ListPublishers);
    assert_eq!(listed.unwrap().unwrap()[0]["name"], "Daily");
    let name = Command::AddPublisher { name: "Daily".parse().unwrap(), payout_reference: None };
    let taken = admin::run(name, config, &Environment::production()).unwrap_err();
    assert!(taken.to_string().contains("called \"Daily\" already"), "{taken}");
    let steps = running.steps.lock().unwrap();
    assert!(
        steps.iter().any(|step| step == "publisher.before")
            && steps.iter().any(|step| step == "publisher.after")
    );
}
