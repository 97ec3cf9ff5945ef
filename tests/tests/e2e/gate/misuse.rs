//! What no reader sends: paths with two readings, requests with two ends, and hosts that are somebody else's.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;

use farthing_protocol::Token;
use farthing_tests::http;
use farthing_tests::programs::Program;

use super::{PATIENCE, PRICES, Scene, assert_refused, authorization, wait_until};

/// Sends bytes; everything that is answered until the gate closes the connection, or says so.
fn send(scene: &Scene, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(scene.gate.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(std::net::Shutdown::Write);
    let mut answer = Vec::new();
    if let Err(error) = stream.read_to_end(&mut answer) {
        assert_eq!(error.kind(), ErrorKind::ConnectionReset, "neither answered nor closed");
    }
    String::from_utf8_lossy(&answer).into_owned()
}

fn statuses(answer: &str) -> Vec<&str> {
    answer.split("HTTP/1.1 ").skip(1).filter_map(|part| part.get(..3)).collect()
}

#[test]
fn a_path_with_two_readings_is_refused_and_never_reaches_the_site() {
    let scene = Scene::new("");
    for path in [
        "/free/%2e%2e/articles/7",
        "/free/../articles/7",
        "//articles/7",
        "/articles//7",
        "/articles%2f7",
        "/articles\\7",
        "/x/..\\articles\\7",
        "/articles/7;x=1",
        "/x/..;/articles/7",
        "/articles/7%00",
        "/articles/%37%ff",
        "/%2561rticles/7",
        "/x/.%2e/articles/7",
        "/articles/./7",
    ] {
        let answer =
            send(&scene, format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").as_bytes());
        assert!(answer.starts_with("HTTP/1.1 400 "), "{path}: {answer}");
        assert!(!answer.contains("articles"), "{path} is repeated: {answer}");
    }
    assert_eq!(scene.site.seen().len(), 0);
    // Another spelling of a page is the page, with its price.
    for path in ["/%61rticles/7", "/articles/%37"] {
        let spelled = scene.get(path, &[]);
        assert_eq!((spelled.status, spelled.header("location")), (308, "/articles/7"));
        assert_refused(&scene.pay(path, &scene.tokens(2)), "payment-amount");
    }
    assert_refused(&scene.get("/articles/7/", &[]), "payment-required");
    // As browsers write it, who leave these characters as they are.
    let asked = |path: &str| {
        send(&scene, format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").as_bytes())
    };
    let bare = asked("/articles/a|b[1]^");
    assert!(bare.starts_with("HTTP/1.1 308 "), "{bare}");
    assert!(bare.contains("location: /articles/a%7Cb%5B1%5D%5E\r\n"), "{bare}");
    assert_refused(&scene.get("/articles/a%7Cb%5B1%5D%5E", &[]), "payment-required");
    for own in ["/.well-known/farthing/x", "/.well-known/farth%69ng/ask", "/.Well-Known/Farthing/ask"] {
        assert_eq!(scene.get(own, &[]).status, 404, "{own}");
    }
    assert_eq!(scene.site.seen().len(), 0);
    let free = asked("/tables/a|b[1]?c=[d]");
    assert!(
        free.starts_with("HTTP/1.1 200 ") && free.contains("\"target\":\"/tables/a%7Cb%5B1%5D?c=[d]\""),
        "{free}"
    );
    scene.site.seen();
    let again = scene.get("/caf%c3%a9/a%2cb?x=%2e%2e", &[]);
    assert_eq!(again.json()["target"], "/caf%C3%A9/a,b?x=%2e%2e", "priced and forwarded in one spelling");
}

#[test]
fn requests_that_may_be_two_are_refused() {
    let scene = Scene::new("");
    let hidden = "GET /articles/7 HTTP/1.1\r\nHost: a\r\n\r\n";
    for (name, head) in [
        ("two lengths", format!("Content-Length: 0\r\nContent-Length: {}\r\n\r\n{hidden}", hidden.len())),
        (
            "a length and chunks",
            format!(
                "Content-Length: {}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{hidden}",
                5 + hidden.len()
            ),
        ),
        (
            "chunks and a length",
            format!("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n{hidden}"),
        ),
        ("another coding", format!("Transfer-Encoding: identity, chunked, x\r\n\r\n0\r\n\r\n{hidden}")),
        ("a list of lengths", format!("Content-Length: 0, {}\r\n\r\n{hidden}", hidden.len())),
        ("a signed length", format!("Content-Length: +5\r\n\r\nhello{hidden}")),
        ("a broken chunk", format!("Transfer-Encoding: chunked\r\n\r\n-1\r\n{hidden}")),
        ("a folded header", format!("X-A: b\r\n Content-Length: 5\r\n\r\n{hidden}")),
    ] {
        let answer = send(&scene, format!("POST /form HTTP/1.1\r\nHost: a\r\n{head}").as_bytes());
        let statuses = statuses(&answer);
        assert!(statuses.iter().all(|status| status.starts_with('4')), "{name}: {answer}");
        let seen = scene.site.seen();
        assert!(seen.iter().all(|asked| asked["target"] != "/articles/7"), "{name}: {seen:?}");
    }
    let bomb: String = (0..2_000).map(|number| format!("X-{number}: a\r\n")).collect();
    let answer = send(&scene, format!("GET /about HTTP/1.1\r\nHost: a\r\n{bomb}\r\n").as_bytes());
    assert!(!answer.contains(" 200 "), "{answer}");
    let long = format!("GET /about HTTP/1.1\r\nHost: a\r\nX-Long: {}\r\n\r\n", "a".repeat(300_000));
    assert!(!send(&scene, long.as_bytes()).contains(" 200 "));
    for head in [
        "GET /about HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET http://b/about HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /about HTTP/1.1\r\n\r\n",
        "GET /about HTTP/1.1\r\nHost: a/b\r\n\r\n",
        "GET /about HTTP/1.1\r\nHost: u@a\r\n\r\n",
    ] {
        let answer = send(&scene, head.as_bytes());
        assert!(answer.starts_with("HTTP/1.1 400 "), "{head}: {answer}");
    }
    for method in ["TRACE", "CONNECT"] {
        let answer = send(&scene, format!("{method} /about HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes());
        assert!(answer.starts_with("HTTP/1.1 4"), "{method}: {answer}");
    }
    assert_eq!(scene.site.seen().len(), 0);
    assert_eq!(scene.get("/about", &[]).status, 200, "the gate answers others");
}

#[test]
fn under_a_name_that_is_not_the_sites_nothing_is_free() {
    let Scene { world, redeemer, gate, site, publisher, .. } = Scene::new("");
    gate.stop().unwrap();
    let priced = PRICES.replace("path = \"/long/*\"", "path = \"/long/*\"\nhost = \"news.example\"");
    let rest = format!(
        "hosts = [\"news.example\", \"127.0.0.1\"]\n{priced}\n[upstream]\nurl = \"{}\"\n",
        site.url()
    );
    world.write_gate(&redeemer.url(), &publisher, &rest).unwrap();
    let gate = world.serve(Program::Gate).unwrap();
    let get = |host: &str| {
        let mut stream = TcpStream::connect(gate.address()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(stream, "GET /long/7 HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.get(9..12).unwrap_or_default().to_owned()
    };
    for (host, status) in [
        ("news.example", "401"),
        ("NEWS.example.:443", "401"),
        ("127.0.0.1", "200"),
        ("www.news.example", "421"),
        ("localhost", "421"),
    ] {
        assert_eq!(get(host), status, "{host}");
    }
    drop(http::get(&format!("{}/about", gate.url()), &[]));
}

/// A header with a token that nobody issued.
pub(super) fn forged(scene: &Scene) -> String {
    let mut bytes = scene.tokens(1)[0].encode();
    bytes[98] ^= 1;
    authorization(&[Token::decode(&bytes).unwrap()])
}

#[test]
fn forged_tokens_of_whoever_has_no_address_are_limited_and_payments_are_not() {
    let scene = Scene::new("[limits]\npayments_per_minute = 1\npayments_burst = 2\n");
    for page in 0..4 {
        assert_eq!(scene.pay(&format!("/articles/{page}"), &scene.tokens(1)).status, 200);
    }
    let authorization = forged(&scene);
    let pay = || scene.get("/articles/9", &[("Authorization", &authorization)]).status;
    assert_eq!([(); 3].map(|()| pay()), [401, 401, 429]);
    assert_eq!(scene.get("/about", &[("Authorization", &authorization)]).status, 200, "nothing is due");
}

#[test]
fn payments_from_one_address_are_limited() {
    let scene = Scene::new(
        "[limits]\npayments_per_minute = 1\npayments_burst = 2\ntrusted_proxies = [\"127.0.0.1\"]\n",
    );
    let authorization = forged(&scene);
    let pay = |address: &str| {
        scene.get("/articles/7", &[("Authorization", &authorization), ("X-Forwarded-For", address)]).status
    };
    assert_eq!([(); 3].map(|()| pay("203.0.113.7")), [401, 401, 429]);
    assert_eq!(pay("203.0.113.8"), 401, "another address");
    let reading = scene.get("/articles/7", &[("X-Forwarded-For", "203.0.113.7")]);
    assert_refused(&reading, "payment-required");
}

#[test]
fn a_reader_who_takes_nothing_of_a_page_holds_no_connection_to_the_site() {
    let scene = Scene::new("[timeouts]\nunread_seconds = 1\n");
    let readers: Vec<_> = (0..4)
        .map(|_| {
            let mut stream = TcpStream::connect(scene.gate.address()).unwrap();
            stream.write_all(b"GET /endless HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
            stream
        })
        .collect();
    wait_until("the site to be left alone", || scene.site.given_up() == readers.len());
    assert_eq!(scene.get("/about", &[]).status, 200);
}
