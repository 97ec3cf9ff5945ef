use data_encoding::BASE64URL_NOPAD;
use farthing_tests::programs::Program;
use farthing_tests::{FileClock, ServiceProcess, http};

use super::{Scene, assert_refused, has_pass, pass, wait_until};

/// A second of the near future at which ten minutes begin: passes end at such seconds.
fn ten_minutes() -> u64 {
    FileClock::real_seconds() / 600 * 600 + 600
}

#[test]
fn a_payment_can_be_repeated_for_a_while_and_opens_no_longer_for_that() {
    let scene = Scene::new("");
    let token = scene.tokens(1);
    let begun = ten_minutes();
    scene.world.stop_clock(begun).unwrap();
    let first = scene.pay("/articles/7", &token);
    assert_eq!(first.status, 200);
    // Each answer within the window is the same pass: it ends when the first one ends.
    for seconds in [0, 199, 200, 399] {
        scene.world.stop_clock(begun + seconds).unwrap();
        let again = scene.pay("/articles/7", &token);
        assert_eq!((again.status, pass(&again)), (200, pass(&first)), "{seconds}");
    }
    // A clock that was set back a little does not make a thief of who has paid.
    scene.world.stop_clock(begun - 100).unwrap();
    assert_eq!(pass(&scene.pay("/articles/7", &token)), pass(&first));

    for seconds in [600, 3_600, 86_400] {
        scene.world.stop_clock(begun + seconds).unwrap();
        let late = scene.pay("/articles/7", &token);
        assert_refused(&late, "token-spent");
    }
    // Who has the pass has it for the day that was paid for.
    let cookie = pass(&first);
    for (seconds, status) in [(0, 200), (86_399, 200), (86_400 + 1_200, 401)] {
        scene.world.stop_clock(begun + seconds).unwrap();
        assert_eq!(scene.get("/articles/7", &[("Cookie", &cookie)]).status, status, "{seconds}");
    }
    assert_eq!(scene.credit(), 10_000);
}

#[test]
fn a_pass_that_is_shorter_than_the_window_is_not_made_longer_by_repeating() {
    let scene = Scene::new("");
    let tokens = scene.tokens(2);
    let begun = ten_minutes() + 200;
    scene.world.stop_clock(begun).unwrap();
    // A minute for all of the archive, rounded up, and the same payment is good for each of its pages.
    let first = scene.pay("/archive/1999/may", &tokens);
    assert_eq!(first.status, 200);
    let cookie = pass(&first);
    for seconds in [0, 399] {
        scene.world.stop_clock(begun + seconds).unwrap();
        assert_eq!(pass(&scene.pay("/archive/2001", &tokens)), cookie);
        for path in ["/archive", "/archive/", "/archive/1999/june?x=1"] {
            assert_eq!(scene.get(path, &[("Cookie", &cookie)]).status, 200, "{path}");
        }
    }
    // The payment could be repeated until 600 seconds after it, but what it opened ended before.
    scene.world.stop_clock(begun + 400).unwrap();
    assert_refused(&scene.get("/archive", &[("Cookie", &cookie)]), "payment-required");
    assert_refused(&scene.pay("/archive", &tokens), "token-spent");
    assert_eq!(scene.credit(), 20_000);
}

#[test]
fn tokens_of_one_page_are_spent_for_another_and_whoever_finds_them_later_gets_nothing() {
    let scene = Scene::new("");
    let token = scene.tokens(1);
    let begun = ten_minutes();
    scene.world.stop_clock(begun).unwrap();
    let paid = scene.pay("/articles/7", &token);
    assert_eq!(paid.status, 200);
    for path in ["/articles/8", "/articles/70", "/teasers/7"] {
        assert_refused(&scene.pay(path, &token), "token-spent");
        assert_refused_without_tokens(&scene, path, &pass(&paid));
    }
    scene.world.stop_clock(begun + 601).unwrap();
    assert_refused(&scene.pay("/articles/7", &token), "token-spent");
    assert_eq!(scene.credit(), 10_000);
}

#[test]
fn a_page_has_one_address_before_anybody_pays_for_it() {
    let scene = Scene::new("");
    for (sent, location) in [
        ("/%61rticles/caf%c3%a9?x=%c3", "/articles/caf%C3%A9?x=%c3"),
        ("/teasers/%7e7", "/teasers/~7"),
        ("/articles/7%2ehtml", "/articles/7.html"),
    ] {
        let elsewhere = scene.get(sent, &[]);
        assert_eq!((elsewhere.status, elsewhere.header("location")), (308, location), "{elsewhere:?}");
        assert_eq!(elsewhere.header("cache-control"), "private, no-store");
    }
    // A browser sends the pass to the spelling that it was given for. What costs nothing is passed on as ever.
    assert_eq!(scene.get("/%61bout", &[]).status, 200);
    let paid = scene.pay("/articles/caf%c3%a9", &scene.tokens(1));
    assert_eq!(paid.status, 200, "{paid:?}");
    let given = paid.headers.get_all("set-cookie").iter().map(|cookie| cookie.to_str().unwrap());
    assert!(given.into_iter().any(|cookie| cookie.contains("; Path=/articles/caf%C3%A9; ")), "{paid:?}");
    let opened = scene.get("/articles/caf%C3%A9", &[("Cookie", &pass(&paid))]);
    assert_eq!(opened.status, 200);
    assert_eq!(scene.credit(), 10_000);
}

#[test]
fn a_payment_is_repeated_beyond_the_end_of_its_key() {
    let Scene { world, issuer: _issuer, redeemer, gate, site: _site, .. } = Scene::new("");
    let tokens = world.reader("reader").export(2).unwrap();
    let pay = |gate: &ServiceProcess, path: &str, token: &str| {
        let authorization = format!("PrivateToken token=\"{token}\"");
        http::get(&format!("{}{path}", gate.url()), &[("Authorization", &authorization)]).unwrap()
    };
    let listed = || {
        let listed = http::get(&format!("{}/v1/keys", redeemer.url()), &[]).unwrap().json();
        let keys = listed["keys"].as_array().unwrap().iter();
        keys.map(|key| key["redeem_until"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    // Every key of the beginning ends at the same time.
    let end = listed().into_iter().max().unwrap();
    world.stop_clock(end - 100).unwrap();
    let first = pay(&gate, "/articles/7", &tokens[0]);
    assert_eq!(first.status, 200, "{first:?}");
    // The gate knows that the time of the key is over.
    world.stop_clock(end + 1).unwrap();
    let again = pay(&gate, "/articles/7", &tokens[0]);
    assert_eq!((again.status, pass(&again)), (200, pass(&first)), "{again:?}");
    // After a start it does not know the key any more.
    wait_until("a key of that time", || listed().into_iter().any(|until| until > end + 1));
    let url = gate.url();
    gate.stop().unwrap();
    let gate = world.serve_at(Program::Gate, &url).unwrap();
    let again = pay(&gate, "/articles/7", &tokens[0]);
    assert_eq!((again.status, pass(&again)), (200, pass(&first)), "{again:?}");
    assert_refused(&pay(&gate, "/articles/8", &tokens[0]), "token-key-unknown");
    assert_refused(&pay(&gate, "/articles/7", &tokens[1]), "token-key-unknown");
    world.stop_clock(end + 500).unwrap();
    assert_refused(&pay(&gate, "/articles/7", &tokens[0]), "token-key-unknown");
}

#[test]
fn a_payment_is_repeated_beyond_the_revocation_of_its_key() {
    let scene = Scene::new("");
    let tokens = scene.tokens(2);
    let begun = ten_minutes();
    scene.world.stop_clock(begun).unwrap();
    let first = scene.pay("/articles/7", &tokens[..1]);
    assert_eq!(first.status, 200, "{first:?}");
    let id = BASE64URL_NOPAD.encode(tokens[0].token_key_id().as_bytes());
    scene.world.admin(Program::Issuer, &["keys", "revoke", &id]).unwrap();
    wait_until("the redeemer to know", || {
        let listed = http::get(&format!("{}/v1/keys", scene.redeemer.url()), &[]).unwrap().json();
        listed["keys"].as_array().unwrap().iter().all(|key| key["token_key_id"] != id.as_str())
    });
    for after in [0, 399] {
        scene.world.stop_clock(begun + after).unwrap();
        let again = scene.pay("/articles/7", &tokens[..1]);
        assert_eq!((again.status, pass(&again)), (200, pass(&first)), "{after}: {again:?}");
    }
    assert_refused(&scene.pay("/articles/8", &tokens[1..]), "token-revoked");
    assert_eq!(scene.credit(), 10_000);
}

fn assert_refused_without_tokens(scene: &Scene, path: &str, cookie: &str) {
    let answer = scene.get(path, &[("Cookie", cookie)]);
    if path.starts_with("/teasers") {
        assert_eq!((answer.status, has_pass(&answer)), (200, false), "a preview, for everybody");
    } else {
        assert_refused(&answer, "payment-required");
    }
}

#[test]
fn a_forged_pass_is_none() {
    let scene = Scene::new("");
    let paid = scene.pay("/articles/7", &scene.tokens(1));
    let cookie = pass(&paid);
    let (name, value) = cookie.split_once('=').unwrap();
    let attributes = paid.headers.get_all("set-cookie").iter().map(|cookie| cookie.to_str().unwrap());
    let attributes = attributes.filter(|cookie| cookie.starts_with(name)).collect::<Vec<_>>().join("");
    for attribute in ["; Path=/articles/7;", "; Secure", "; HttpOnly", "; SameSite=Lax", "; Max-Age="] {
        assert!(attributes.contains(attribute), "{attribute} is not in {attributes}");
    }
    let bytes = BASE64URL_NOPAD.decode(value.as_bytes()).unwrap();
    for place in 0..bytes.len() {
        let mut forged = bytes.clone();
        forged[place] ^= 1;
        let forged = format!("{name}={}", BASE64URL_NOPAD.encode(&forged));
        assert_refused(&scene.get("/articles/7", &[("Cookie", &forged)]), "payment-required");
    }
    let among = format!("a=b; {name}=x; {cookie}; {name}=");
    assert_eq!(scene.get("/articles/7", &[("Cookie", &among)]).status, 200);

    // With another secret no pass of before is one.
    let Scene { world, gate, .. } = scene;
    let url = gate.url();
    gate.stop().unwrap();
    std::fs::remove_file(world.path("data/gate.secret")).unwrap();
    world.admin(Program::Gate, &["init"]).unwrap();
    let gate = world.serve_at(Program::Gate, &url).unwrap();
    let answer = http::get(&format!("{}/articles/7", gate.url()), &[("Cookie", &cookie)]).unwrap();
    assert_refused(&answer, "payment-required");
}
