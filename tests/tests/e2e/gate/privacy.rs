use std::fs;

use farthing_protocol::Token;
use farthing_tests::http;
use farthing_tests::programs::Program;

use super::{Scene, authorization, pass};

/// What a reader's visit is made of must not be in the gate's log or metrics, at the most talkative level.
#[test]
fn the_log_tells_nothing_of_who_read_what() {
    let scene = Scene::new("");
    let tokens = scene.tokens(3);
    let paying = authorization(&tokens[..1]);
    let headers =
        [("Authorization", paying.as_str()), ("X-Forwarded-For", "203.0.113.77"), ("User-Agent", "Lynx/2.9")];
    let paid = scene.get("/articles/confessions?from=newsletter", &headers);
    assert_eq!(paid.status, 200);
    let cookie = pass(&paid);
    scene.get("/articles/confessions", &[("Cookie", &cookie)]);
    scene.get("/articles/elsewhere", &headers);
    scene.get("/articles/confessions/%2e%2e", &headers);
    scene.get("/articles/confessions", &[("Authorization", "PrivateToken token=AAAA")]);
    let body: Vec<u8> = tokens[1..].iter().flat_map(Token::encode).collect();
    let origin = scene.gate.url();
    let page = [
        ("Origin", origin.as_str()),
        ("Farthing-Path", "/archive/confessions"),
        ("Content-Type", "application/octet-stream"),
    ];
    assert_eq!(http::post(&format!("{origin}/.well-known/farthing/pay"), &page, body).unwrap().status, 204);

    let log = fs::read_to_string(scene.gate.log()).unwrap();
    let metrics = log.split("metrics=").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
    let metrics = http::get(&format!("http://{metrics}/metrics"), &[]).unwrap();
    let api_key = scene.publisher.api_key.as_str();
    let (_, pass) = cookie.split_once('=').unwrap();
    for (place, text) in [("log", log.as_str()), ("metrics", std::str::from_utf8(&metrics.body).unwrap())] {
        for secret in
            ["confessions", "elsewhere", "newsletter", "203.0.113", "Lynx", api_key, pass, "PrivateToken"]
        {
            assert!(!text.contains(secret), "{secret} is in the {place}: {text}");
        }
        for token in &tokens {
            let token = token.to_base64url();
            // Every part of sixteen characters; challenge digest and key id are public.
            for start in (3..40).chain(135..200) {
                assert!(!text.contains(&token[start..start + 16]), "a token is in the {place}: {text}");
            }
        }
    }
    // What the redeemer hears and keeps names no page and no pass.
    let dumped: String =
        scene.world.dump(Program::Redeemer).unwrap().iter().map(ToString::to_string).collect();
    assert!(dumped.contains("kept-answers"), "the search sees the store");
    let of_redeemer = fs::read_to_string(scene.redeemer.log()).unwrap();
    for secret in ["confessions", "newsletter", pass] {
        assert!(!dumped.contains(secret) && !of_redeemer.contains(secret), "{secret} is at the redeemer");
    }
    // A request leaves no line at all.
    let lines = |log: &str| log.lines().count();
    let before = lines(&log);
    scene.get("/articles/confessions", &[("Cookie", &cookie)]);
    scene.get("/about", &[]);
    assert_eq!(lines(&fs::read_to_string(scene.gate.log()).unwrap()), before);
}

/// Two readers who pay for the same page at about the same time have the same pass.
#[test]
fn a_pass_does_not_tell_readers_apart() {
    let scene = Scene::new("");
    scene.world.stop_clock(farthing_tests::FileClock::real_seconds() / 600 * 600).unwrap();
    let tokens = scene.tokens(2);
    let [one, two] = [&tokens[..1], &tokens[1..]].map(|token| scene.pay("/articles/7", token));
    assert_eq!((one.status, two.status), (200, 200));
    assert_eq!(pass(&one), pass(&two));
    assert_eq!(scene.credit(), 20_000);
}
