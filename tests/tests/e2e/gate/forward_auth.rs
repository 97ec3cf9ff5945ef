use std::fs;

use farthing_tests::http::{self, Answer};

use super::misuse::forged;
use super::{Scene, assert_refused, authorization, has_pass, pass};

const TABLE: &str = "[forward_auth]\nsecret = \"file:data/gate.proxy-secret\"\nuri_header = \"X-Original-URI\"\n\
                     host_header = \"X-Forwarded-Host\"\n";

/// What a proxy sends that asks about a page.
struct Proxy<'a> {
    scene: &'a Scene,
    secret: String,
}

impl<'a> Proxy<'a> {
    fn before(scene: &'a Scene) -> Self {
        let secret =
            fs::read_to_string(scene.world.path("data/gate.proxy-secret")).unwrap().trim().to_owned();
        Self { scene, secret }
    }

    fn ask_at(&self, path: &str, uri: &str, headers: &[(&str, &str)]) -> Answer {
        let mut sent = vec![
            ("Farthing-Proxy-Secret", self.secret.as_str()),
            ("X-Original-URI", uri),
            ("X-Forwarded-Host", "news.example"),
        ];
        sent.extend_from_slice(headers);
        http::get(&format!("{}/.well-known/farthing{path}", self.scene.gate.url()), &sent).unwrap()
    }

    fn ask(&self, uri: &str, headers: &[(&str, &str)]) -> Answer {
        self.ask_at("/ask", uri, headers)
    }
}

#[test]
fn a_proxy_asks_and_is_told() {
    let scene = Scene::new(TABLE);
    let proxy = Proxy::before(&scene);
    let free = proxy.ask("/articles/welcome?x=1", &[]);
    assert_eq!((free.status, free.header("farthing-access"), free.body.len()), (200, "free", 0));
    assert_refused(&proxy.ask("/articles/7", &[]), "payment-required");
    let preview = proxy.ask("/teasers/7", &[]);
    assert_eq!((preview.status, preview.header("farthing-access")), (200, "preview"));
    let in_other_words = proxy.ask_at("/ask?deny=402", "/articles/7", &[]);
    assert_eq!((in_other_words.status, in_other_words.problem().as_str()), (402, "payment-required"));
    assert_eq!(in_other_words.json()["status"], 402);
    assert!(in_other_words.header("www-authenticate").starts_with("PrivateToken "));
    assert_eq!(proxy.ask_at("/ask?deny=500", "/articles/7", &[]).status, 400);
    for path in ["/ask", "/denied"] {
        let elsewhere = proxy.ask_at(path, "/%61rticles/caf%c3%a9?x=1", &[]);
        assert_eq!((elsewhere.status, elsewhere.header("location")), (308, "/articles/caf%C3%A9?x=1"));
    }

    let token = scene.tokens(1);
    let paying = authorization(&token);
    let paid = proxy.ask("/articles/7?x=1", &[("Authorization", &paying)]);
    assert_eq!((paid.status, paid.header("farthing-access")), (200, "paid"));
    assert_eq!(paid.header("cache-control"), "private, no-store");
    // nginx asks twice for one request.
    let twice = proxy.ask("/articles/7?x=1", &[("Authorization", &paying)]);
    assert_eq!((twice.status, pass(&twice)), (200, pass(&paid)));
    let later = proxy.ask("/articles/7/image", &[("Cookie", &pass(&paid))]);
    assert_eq!((later.status, later.header("farthing-access"), has_pass(&later)), (200, "paid", false));
    assert_refused(&proxy.ask("/articles/8", &[("Authorization", &paying)]), "token-spent");
    assert_eq!(scene.credit(), 10_000);
    // The pass is of that host, not of the one that the gate itself is reached at.
    assert_refused(&scene.get("/articles/7", &[("Cookie", &pass(&paid))]), "payment-required");
}

#[test]
fn what_a_proxy_was_refused_for_is_said_to_the_reader_and_never_lets_anybody_in() {
    let scene = Scene::new(TABLE);
    let proxy = Proxy::before(&scene);
    assert_refused(&proxy.ask_at("/denied", "/articles/7", &[]), "payment-required");
    assert_eq!(proxy.ask_at("/denied", "/free/../articles/7", &[]).problem(), "ambiguous-path");
    let free = proxy.ask_at("/denied", "/about", &[]);
    assert_eq!((free.status, free.header("retry-after")), (503, "1"));
    let paid = proxy.ask_at("/denied", "/articles/7", &[("Authorization", &authorization(&scene.tokens(1)))]);
    assert_eq!(paid.status, 503);
    assert_eq!(proxy.ask("/articles/7", &[("Cookie", &pass(&paid))]).status, 200);
}

#[test]
fn nobody_but_the_proxy_may_ask() {
    let scene = Scene::new(TABLE);
    let proxy = Proxy::before(&scene);
    let url = format!("{}/.well-known/farthing/ask", scene.gate.url());
    let page = [("X-Original-URI", "/about"), ("X-Forwarded-Host", "news.example")];
    for secret in [None, Some(""), Some("wrong")] {
        let mut headers = page.to_vec();
        headers.extend(secret.map(|secret| ("Farthing-Proxy-Secret", secret)));
        let refused = http::get(&url, &headers).unwrap();
        assert_eq!((refused.status, refused.problem().as_str()), (403, "proxy-secret-wrong"));
    }
    // A proxy that adds its headers to the reader's, instead of replacing them.
    for header in [("X-Original-URI", "/about"), ("X-Forwarded-Host", "other.example")] {
        let refused = proxy.ask("/articles/7", &[header]);
        assert_eq!((refused.status, refused.problem().as_str()), (400, "bad-request"));
    }
}

#[test]
fn without_the_table_there_is_nobody_to_ask() {
    let scene = Scene::new("");
    for path in ["/.well-known/farthing/ask", "/.well-known/farthing/denied"] {
        assert_eq!(scene.get(path, &[]).status, 404, "{path}");
    }
}

#[test]
fn a_proxy_says_by_whom_payments_are_counted() {
    let scene = Scene::new(&format!("{TABLE}[limits]\npayments_per_minute = 1\npayments_burst = 2\n"));
    let (proxy, authorization) = (Proxy::before(&scene), forged(&scene));
    let pay = |address: &str| {
        proxy.ask("/articles/7", &[("Authorization", &authorization), ("X-Forwarded-For", address)]).status
    };
    assert_eq!([(); 3].map(|()| pay("203.0.113.7")), [401, 401, 429]);
    assert_eq!(pay("198.51.100.9, 203.0.113.7"), 429, "what stands before is the reader's own word");
    assert_eq!(pay("203.0.113.8"), 401, "another address");
}

/// Under which names a site may find the header that we write with dashes.
fn spellings(name: &str) -> Vec<String> {
    let mut parts = name.split('-').map(str::to_lowercase);
    let mut spellings = vec![parts.next().unwrap()];
    for part in parts {
        let longer = |start: &String| ["-", "_", "."].map(|sign| format!("{start}{sign}{part}"));
        spellings = spellings.iter().flat_map(longer).collect();
    }
    spellings
}

#[test]
fn traefik_takes_out_what_the_gate_takes_out_however_it_is_spelled() {
    let headers = include_str!("../../../../gate/src/proxy/headers.rs");
    let (_, vouched) = headers.split_once("// What some sites take for the path that is asked").unwrap();
    let lines = vouched.split("];").next().unwrap().lines();
    let of_paths: Vec<_> =
        lines.filter_map(|line| line.trim().strip_prefix('"')?.strip_suffix("\",")).collect();
    assert!(of_paths.contains(&"x-original-url"), "{of_paths:?}");
    let sample = include_str!("../../../../configs/gate/traefik.yml").to_lowercase();
    let taken_out: Vec<_> =
        sample.split(['\n', ',', '{']).filter_map(|entry| entry.trim().strip_suffix(": \"\"")).collect();
    for name in of_paths.into_iter().chain(["x-forwarded-prefix", "farthing-access"]) {
        for spelling in spellings(name) {
            assert!(taken_out.contains(&spelling.as_str()), "{spelling} is not in {taken_out:?}");
        }
    }
}

#[test]
fn traefik_asks_in_its_own_words() {
    let table = TABLE.replace("X-Original-URI", "X-Forwarded-Uri");
    let scene = Scene::new(&format!("{table}[limits]\npayments_per_minute = 1\npayments_burst = 2\n"));
    let secret = Proxy::before(&scene).secret;
    // All of the reader's headers, and in place of theirs Traefik's own, which is the client of the question.
    let ask = |uri: &str, readers: &[(&str, &str)]| {
        let mut sent = vec![
            ("X-Forwarded-Method", "GET"),
            ("X-Forwarded-Proto", "https"),
            ("X-Forwarded-Host", "news.example"),
            ("X-Forwarded-Uri", uri),
            ("X-Forwarded-For", "203.0.113.7"),
            ("Farthing-Proxy-Secret", &secret),
            ("User-Agent", "curl/7.88.1"),
            ("Accept", "*/*"),
        ];
        sent.extend_from_slice(readers);
        http::get(&format!("{}/.well-known/farthing/ask?deny=401", scene.gate.url()), &sent).unwrap()
    };
    let free = ask("/about?x=1", &[]);
    assert_eq!((free.status, free.header("farthing-access")), (200, "free"));
    assert_refused(&ask("/articles/7?deny=402", &[("X_Forwarded_Uri", "/about")]), "payment-required");
    let elsewhere = ask("/articles/%37", &[]);
    assert_eq!((elsewhere.status, elsewhere.header("location")), (308, "/articles/7"));
    let paid = ask("/articles/7", &[("Authorization", &authorization(&scene.tokens(1)))]);
    assert_eq!((paid.status, paid.header("farthing-access")), (200, "paid"));
    let opened = ask("/articles/7/image", &[("Cookie", &pass(&paid))]);
    assert_eq!((opened.status, opened.header("farthing-access")), (200, "paid"));
    let forged = forged(&scene);
    assert_eq!(ask("/articles/8", &[("Authorization", &forged)]).status, 401);
    assert_eq!(
        ask("/articles/8", &[("Authorization", &forged)]).status,
        429,
        "counted by the reader's address"
    );
}
