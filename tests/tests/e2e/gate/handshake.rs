use farthing_protocol::{ChallengeHeader, Token};
use farthing_tests::programs::Program;
use farthing_tests::{FileClock, http};

use super::{Scene, assert_refused, authorization, pass, wait_until};

/// Decodes and checks the challenges of an answer as a wallet does; how many there are.
fn challenges(value: &str, micros: u64) -> usize {
    let header = ChallengeHeader::decode(value).unwrap();
    for challenge in &header.challenges {
        let asked = challenge.token_challenge().unwrap();
        assert_eq!(asked.issuer_name().as_str(), "issuer.localhost");
        assert!(asked.redemption_context().is_none() && asked.origin_info().is_empty());
        assert!(challenge.token_key.is_some());
    }
    let price = format!(", price-micros=\"{micros}\", currency=\"EUR\"");
    assert_eq!(value.matches(&price).count(), header.challenges.len(), "{value}");
    header.challenges.len()
}

#[test]
fn a_page_is_paid_for_with_one_token_or_several_and_then_open() {
    let scene = Scene::new("");
    let free = scene.get("/articles/welcome?x=1", &[]);
    assert_eq!((free.status, free.json()["target"].as_str()), (200, Some("/articles/welcome?x=1")));
    assert_eq!(free.header("cache-control"), "public, max-age=60", "{free:?}");

    let asked = scene.get("/articles/7", &[]);
    assert_refused(&asked, "payment-required");
    // Tokens of five cents are accepted too, and cannot pay one.
    assert_eq!(challenges(asked.header("www-authenticate"), 10_000), 1);
    assert!(asked.json()["detail"].as_str().unwrap().contains("0.01 EUR"));
    let long = scene.get("/long/7", &[]);
    assert_eq!(challenges(long.header("www-authenticate"), 50_000), 2);

    let paid = scene.pay("/articles/7?x=1", &scene.tokens(1));
    assert_eq!((paid.status, paid.json()["target"].as_str()), (200, Some("/articles/7?x=1")), "{paid:?}");
    assert_eq!(paid.header("cache-control"), "private, no-store");
    let several = scene.pay("/long/7", &scene.tokens(5));
    assert_eq!(several.status, 200);
    assert_eq!(scene.credit(), 60_000);

    // The pass opens it again, and nobody pays.
    for (path, cookie) in
        [("/articles/7", pass(&paid)), ("/articles/7/image", pass(&paid)), ("/long/7", pass(&several))]
    {
        let again = scene.get(path, &[("Cookie", &cookie)]);
        assert_eq!((again.status, again.header("cache-control")), (200, "private, no-store"), "{path}");
    }
    assert_eq!(scene.credit(), 60_000);
}

#[test]
fn a_page_that_costs_many_tokens_is_paid_for_by_post() {
    let scene = Scene::new("");
    let tokens = scene.tokens(41);
    let body = |count: usize| tokens[..count].iter().flat_map(Token::encode).collect::<Vec<u8>>();
    let url = format!("{}/.well-known/farthing/pay", scene.gate.url());
    let (origin, octets) = (scene.gate.url(), ("Content-Type", "application/octet-stream"));
    let post = |headers: &[(&str, &str)], body| http::post(&url, headers, body).unwrap();
    let own = [("Origin", origin.as_str()), ("Farthing-Path", "/books/1?page=2"), octets];

    for foreign in
        [&[("Farthing-Path", "/books/1"), octets][..], &[("Origin", "https://evil.example"), own[1], octets]]
    {
        assert_eq!(post(foreign, body(40)).problem(), "origin-foreign");
    }
    assert_eq!(post(&[own[0], octets], body(40)).status, 400);
    assert_eq!(post(&[own[0], own[1]], body(40)).status, 415);
    assert_eq!(post(&own, body(40)[1..].to_vec()).problem(), "payment-malformed");
    assert_eq!(post(&own, Vec::new()).problem(), "payment-malformed");
    assert_eq!(post(&own, vec![0; 162_001]).status, 413);
    for count in [39, 41] {
        assert_refused(&post(&own, body(count)), "payment-amount");
    }
    assert_eq!(scene.credit(), 0, "nothing was spent so far");

    let paid = post(&own, body(40));
    assert_eq!(paid.status, 204, "{paid:?}");
    let again = post(&own, body(40));
    assert_eq!((again.status, pass(&again)), (204, pass(&paid)));
    let page = scene.get("/books/1?page=2", &[("Cookie", &pass(&paid))]);
    assert_eq!((page.status, page.json()["target"].as_str()), (200, Some("/books/1?page=2")));
    assert_eq!(scene.credit(), 400_000);
}

#[test]
fn the_form_of_the_gates_page_takes_what_a_reader_pastes() {
    let scene = Scene::new("");
    let (url, origin) = (format!("{}/.well-known/farthing/pay", scene.gate.url()), scene.gate.url());
    let post = |origin: &str, body: &str| {
        let form = ("Content-Type", "application/x-www-form-urlencoded");
        let headers = [("Origin", origin), form, ("Accept", "text/html")];
        http::post(&url, &headers, body.as_bytes().to_vec()).unwrap()
    };
    let tokens = scene.world.reader("reader").export(2).unwrap().join("%0D%0A");
    let body = format!("path=%2Farticles%2F7%3Fx%3D1&tokens={tokens}");
    for foreign in ["https://evil.example", "null"] {
        assert_eq!(post(foreign, &body).problem(), "origin-foreign");
    }
    assert_eq!(post(&origin, "path=/articles/7").status, 400);
    assert_eq!(post(&origin, "path=//evil.example/&tokens=x").problem(), "ambiguous-path");
    for (pasted, said) in [
        (body.clone(), "The tokens were worth more or less"),
        ("path=/articles/7&tokens=hello".to_owned(), "These are no tokens"),
        ("path=/articles/7&tokens=".to_owned(), "These are no tokens"),
    ] {
        let refused = post(&origin, &pasted);
        let page = String::from_utf8(refused.body).unwrap();
        assert_eq!((refused.status, page.contains(said)), (401, true), "{pasted}: {page}");
    }
    assert_eq!(scene.credit(), 0);
    let body = body.replace("%2Farticles%2F7", "/archive/x");
    for _ in 0..2 {
        let paid = post(&origin, &body);
        assert_eq!((paid.status, paid.header("location")), (303, "/archive/x?x=1"), "{paid:?}");
        assert_eq!(paid.header("cache-control"), "private, no-store");
        assert_eq!(scene.get("/archive/x?x=1", &[("Cookie", &pass(&paid))]).status, 200);
    }
    let free = post(&origin, "path=/about&tokens=hello");
    assert_eq!((free.status, free.header("location")), (303, "/about"));
    assert_eq!(scene.credit(), 20_000);
}

#[test]
fn what_is_pasted_and_no_token_is_told_to_people_and_to_programs() {
    let scene = Scene::new("");
    let (url, origin) = (format!("{}/.well-known/farthing/pay", scene.gate.url()), scene.gate.url());
    let post = |body: &str, accept: &str| {
        let form = ("Content-Type", "application/x-www-form-urlencoded");
        let headers = [("Origin", origin.as_str()), form, ("Accept", accept)];
        http::post(&url, &headers, body.as_bytes().to_vec()).unwrap()
    };
    // A preview would let anybody in; who pastes something wants to pay.
    for page in ["/articles/7", "/teasers/7", "/teasers/%37"] {
        for pasted in ["hello", ""] {
            let body = format!("path={page}&tokens={pasted}");
            let person = post(&body, "text/html");
            let shown = String::from_utf8(person.body.clone()).unwrap();
            assert_eq!(
                (person.status, shown.contains("These are no tokens")),
                (401, true),
                "{body}: {shown}"
            );
            assert_eq!(challenges(person.header("www-authenticate"), 10_000), 1);
            let program = post(&body, "*/*");
            assert_eq!((program.status, program.problem().as_str()), (400, "payment-malformed"), "{body}");
            assert_eq!((program.json()["status"].as_u64(), program.field().as_str()), (Some(400), "tokens"));
        }
    }
    let paid = scene.pay("/teasers/7", &scene.tokens(1));
    let with_pass = [
        ("Origin", origin.as_str()),
        ("Content-Type", "application/x-www-form-urlencoded"),
        ("Accept", "text/html"),
        ("Cookie", &pass(&paid)),
    ];
    let open = http::post(&url, &with_pass, b"path=/teasers/7&tokens=hello".to_vec()).unwrap();
    assert_eq!((open.status, open.header("location")), (303, "/teasers/7"), "it is paid for");
}

#[test]
fn tokens_that_do_not_pay_are_refused_and_not_spent() {
    let scene = Scene::new("");
    let tokens = scene.tokens(3);
    let [one, two, three] = &tokens[..] else { panic!("three tokens") };
    assert_refused(&scene.pay("/long/7", &tokens), "payment-amount");
    assert_refused(&scene.pay("/articles/7", &tokens), "payment-amount");
    assert_refused(
        &scene
            .pay("/archive", &[Token::decode(&one.encode()).unwrap(), Token::decode(&one.encode()).unwrap()]),
        "token-spent",
    );

    let changed = |change: &dyn Fn(&mut [u8; Token::LENGTH])| {
        let mut bytes = one.encode();
        change(&mut bytes);
        [Token::decode(&bytes).unwrap()]
    };
    // Nonce, challenge digest, key id, authenticator.
    assert_refused(&scene.pay("/articles/7", &changed(&|bytes| bytes[2] ^= 1)), "token-invalid");
    assert_refused(&scene.pay("/articles/7", &changed(&|bytes| bytes[34] ^= 1)), "token-invalid");
    assert_refused(&scene.pay("/articles/7", &changed(&|bytes| bytes[66] ^= 1)), "token-key-unknown");
    assert_refused(&scene.pay("/articles/7", &changed(&|bytes| bytes[98] ^= 1)), "token-invalid");

    // One that another page had, among others that are good: none of those is spent.
    assert_eq!(scene.pay("/articles/1", std::slice::from_ref(two)).status, 200);
    let mixed =
        authorization(&[Token::decode(&two.encode()).unwrap(), Token::decode(&three.encode()).unwrap()]);
    let refused = scene.get("/archive/x", &[("Authorization", &mixed)]);
    assert_refused(&refused, "token-spent");
    assert!(refused.json()["detail"].as_str().unwrap().contains("spent before"));

    assert_eq!(scene.credit(), 10_000);
    for (path, token) in [("/articles/2", one), ("/articles/3", three)] {
        assert_eq!(scene.pay(path, std::slice::from_ref(token)).status, 200, "a refused token was spent");
    }
    assert_eq!(scene.credit(), 30_000);

    for malformed in [
        "PrivateToken",
        "PrivateToken token=\"AAAA\"",
        "PrivateToken tokens=\"\"",
        "Bearer a, PrivateToken token=a",
    ] {
        let refused = scene.get("/articles/7", &[("Authorization", malformed)]);
        assert_eq!((refused.status, refused.problem().as_str()), (400, "payment-malformed"), "{malformed}");
        assert_eq!(refused.field(), "Authorization");
    }
}

#[test]
fn tokens_of_an_ended_key_are_refused_in_plain_words() {
    let scene = Scene::new("");
    let token = scene.tokens(1);
    let Scene { world, redeemer, gate, issuer: _issuer, .. } = scene;
    gate.stop().unwrap();
    // A key issues for 28 days, and its tokens are taken for 84 more.
    world.move_clock(120 * 86_400).unwrap();
    let now = FileClock::real_seconds() + 120 * 86_400;
    wait_until("a key of that time", || {
        let listed = http::get(&format!("{}/v1/keys", redeemer.url()), &[]).unwrap().json();
        let keys = listed["keys"].as_array().unwrap().clone();
        !keys.is_empty() && keys.iter().all(|key| key["redeem_until"].as_u64().unwrap() > now)
    });
    let gate = world.serve(Program::Gate).unwrap();
    let url = format!("{}/articles/7", gate.url());
    let refused = http::get(&url, &[("Authorization", &authorization(&token))]).unwrap();
    assert_refused(&refused, "token-key-unknown");
    assert!(refused.json()["detail"].as_str().unwrap().contains("too old"));
}

#[test]
fn a_browser_is_shown_a_page_in_its_language() {
    let scene = Scene::new("[page]\nname = \"The <Daily>\"\naccent = \"#7a0019\"\n");
    let html = [("Accept", "text/html,*/*;q=0.8"), ("Accept-Language", "de,en;q=0.5")];
    let asked = scene.get("/articles/7", &html);
    assert_eq!((asked.status, asked.header("content-type")), (401, "text/html; charset=utf-8"));
    assert!(asked.header("content-security-policy").contains("frame-ancestors 'none'"));
    assert_eq!(challenges(asked.header("www-authenticate"), 10_000), 1);
    assert!(asked.header("access-control-allow-origin").is_empty());
    let page = String::from_utf8(asked.body).unwrap();
    for text in ["Diese Seite kostet", "0,01 EUR", "The &#60;Daily&#62;", "#7a0019"] {
        assert!(page.contains(text), "{text} is not in {page}");
    }
    assert!(page.contains(&format!("farthing get &#39;{}/articles/7&#39;", scene.gate.url())), "{page}");
}

#[test]
fn a_preview_is_the_sites_own_until_somebody_pays() {
    let scene = Scene::new("");
    let access = |answer: &http::Answer| {
        let headers = answer.json()["headers"].clone();
        let headers: Vec<(String, String)> = serde_json::from_value(headers).unwrap();
        headers
            .into_iter()
            .filter(|(name, _)| name == "farthing-access")
            .map(|(_, value)| value)
            .collect::<Vec<_>>()
    };
    let preview = scene.get("/teasers/7", &[("Farthing-Access", "paid")]);
    assert_eq!((preview.status, access(&preview)), (200, vec!["preview".to_owned()]));
    assert_eq!(challenges(preview.header("www-authenticate"), 10_000), 1);
    assert_eq!(preview.header("cache-control"), "private, no-store");
    let paid = scene.pay("/teasers/7", &scene.tokens(1));
    assert_eq!((paid.status, access(&paid)), (200, vec!["paid".to_owned()]));
    let free = scene.get("/about", &[("Farthing-Access", "paid")]);
    assert_eq!((free.status, access(&free)), (200, vec!["free".to_owned()]));
}
