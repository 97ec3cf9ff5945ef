use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use farthing_tests::http::{self, Answer};
use farthing_tests::programs::Program;

use super::{PATIENCE, Scene, has_pass, pass, wait_for_log, wait_until};
use crate::tls;

/// The headers that the site was sent.
fn seen(answer: &Answer) -> Vec<(String, String)> {
    serde_json::from_value(answer.json()["headers"].clone()).unwrap()
}

/// A connection on which bytes are written and read by hand.
fn connect(scene: &Scene) -> TcpStream {
    let stream = TcpStream::connect(scene.gate.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Reads until a text stands at the end.
fn read_until(stream: &mut TcpStream, end: &str) -> String {
    let (mut text, mut byte) = (String::new(), [0]);
    while !text.ends_with(end) {
        stream.read_exact(&mut byte).unwrap_or_else(|error| panic!("{error} after {text}"));
        text.push(byte[0].into());
    }
    text
}

#[test]
fn the_site_gets_what_is_its_own_and_nothing_of_the_payment() {
    let scene = Scene::new("");
    let token = scene.tokens(1);
    let paid = scene.get(
        "/articles/7",
        &[
            ("Authorization", &super::authorization(&token)),
            ("Cookie", "theme=dark; __Secure-farthing-pass=x"),
            ("X-Forwarded-For", "203.0.113.7"),
            ("Connection", "X-Secret"),
            ("X-Secret", "1"),
        ],
    );
    assert_eq!(paid.status, 200, "{paid:?}");
    let headers = seen(&paid);
    let value =
        |wanted: &str| headers.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
    let address = scene.gate.address().to_string();
    assert_eq!(value("host"), Some(address.as_str()));
    assert_eq!(value("x-forwarded-host"), Some(address.as_str()));
    assert_eq!(value("x-forwarded-proto"), Some("http"));
    assert_eq!(value("cookie"), Some("theme=dark"));
    assert_eq!(value("farthing-access"), Some("paid"));
    for absent in ["authorization", "x-forwarded-for", "x-secret", "connection"] {
        assert_eq!(value(absent), None, "{absent}");
    }
    // What the site answers comes back, without what belongs to its connection.
    assert!(paid.headers.get_all("set-cookie").iter().any(|cookie| cookie == "session=1"));
    assert!(has_pass(&paid));
    assert_eq!((paid.header("x-hop"), paid.header("cache-control")), ("", "private, no-store"));

    let basic = scene.get("/about", &[("Authorization", "Basic dXNlcjpwYXNz")]);
    assert!(seen(&basic).contains(&("authorization".to_owned(), "Basic dXNlcjpwYXNz".to_owned())));
    let missing = scene.get("/missing", &[]);
    assert_eq!((missing.status, missing.header("content-type")), (404, "text/plain"), "the site's own words");
    // Tokens that come with a page that costs nothing are not spent, and go no further.
    let free = scene.pay("/about", &scene.tokens(1));
    assert_eq!(free.status, 200);
    assert!(!seen(&free).iter().any(|(name, _)| name == "authorization"));
    assert_eq!(scene.credit(), 10_000);
}

#[test]
fn bodies_go_both_ways_as_they_come() {
    let scene = Scene::new("");
    let long = "x".repeat(3_000_000);
    let posted = http::post(&format!("{}/form", scene.gate.url()), &[], long.clone().into_bytes()).unwrap();
    assert_eq!((posted.status, posted.json()["body"].as_str()), (200, Some(long.as_str())));

    let mut stream = connect(&scene);
    write!(stream, "POST /form HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
        .unwrap();
    write!(stream, "2\r\nde\r\n0\r\n\r\n").unwrap();
    assert!(read_until(&mut stream, "}").contains(r#""body":"abcde""#));

    // Even to a GET.
    let mut stream = connect(&scene);
    write!(
        stream,
        "GET /about HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    )
    .unwrap();
    assert!(read_until(&mut stream, "}").contains(r#""body":"abc""#));

    // A client of HTTP/1.0 knows no chunks.
    let mut stream = connect(&scene);
    write!(stream, "GET /stream HTTP/1.0\r\nHost: a\r\n\r\n").unwrap();
    read_until(&mut stream, "\r\n\r\nfirst");
    scene.site.go_on();
    let mut rest = String::new();
    stream.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "second");

    let mut stream = connect(&scene);
    write!(stream, "HEAD /about HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    let head = read_until(&mut stream, "\r\n\r\n");
    assert!(head.starts_with("HTTP/1.1 200 OK") && head.contains("content-length: "), "{head}");
    write!(stream, "GET /about HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    let next = read_until(&mut stream, "\r\n\r\n");
    assert!(next.starts_with("HTTP/1.1 200 OK"), "a body after HEAD: {next}");

    // The first piece arrives before the site has sent, or even made, the second.
    let mut stream = connect(&scene);
    write!(stream, "GET /stream HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    read_until(&mut stream, "first\r\n");
    scene.site.go_on();
    read_until(&mut stream, "second\r\n0\r\n\r\n");
}

#[test]
fn who_stops_within_a_body_is_given_up() {
    let scene = Scene::new("idle_seconds = 2\n");
    // A client that sends no more: it is told, and the site is not blamed.
    let mut stream = connect(&scene);
    write!(stream, "POST /form HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf").unwrap();
    let head = read_until(&mut stream, "\r\n\r\n");
    assert!(head.starts_with("HTTP/1.1 400 "), "{head}");
    assert!(!std::fs::read_to_string(scene.gate.log()).unwrap().contains("does not answer"));
    // A site that sends no more: what was cut off does not look whole.
    let mut stream = connect(&scene);
    write!(stream, "GET /stream HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    read_until(&mut stream, "first\r\n");
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest);
    assert!(!String::from_utf8_lossy(&rest).contains("0\r\n\r\n"), "{rest:?}");
    assert_eq!(scene.get("/about", &[]).status, 200, "the gate answers others");
}

#[test]
fn answers_that_the_site_breaks_off_are_told_once_and_not_each_time() {
    let scene = Scene::new("");
    for _ in 0..3 {
        let mut stream = connect(&scene);
        write!(stream, "GET /broken HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        assert!(String::from_utf8_lossy(&answer).ends_with("half"), "cut off, as it came");
    }
    wait_for_log(&scene.gate, "the site behind the gate broke off an answer");
    let log = std::fs::read_to_string(scene.gate.log()).unwrap();
    // Ten seconds may have passed on a machine that is very busy.
    assert!(log.matches("broke off an answer").count() < 3, "{log}");
    assert!(!log.contains("actix_http") && !log.contains("/broken"), "{log}");
}

#[test]
fn over_tls_the_site_is_told_https() {
    let scene = Scene::new("");
    let trusted = tls::certify(&scene.world);
    let file = scene.world.configuration(Program::Gate);
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, tls::CONFIGURED.to_owned() + &text.replace("gate.sock", "gate-tls.sock")).unwrap();
    let gate = scene.world.serve(Program::Gate).unwrap();
    scene.site.seen();
    assert_eq!(tls::status(&format!("https://{}/about", gate.address()), &trusted).unwrap(), 200);
    let seen = scene.site.seen();
    assert!(seen[0]["headers"].to_string().contains(r#"["x-forwarded-proto","https"]"#), "{seen:?}");
}

#[test]
fn a_websocket_is_passed_through_for_who_has_paid() {
    let scene = Scene::new("");
    let paid = scene.pay("/articles/7", &scene.tokens(1));
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
                   Sec-WebSocket-Version: 13\r\n";
    let mut refused = connect(&scene);
    write!(refused, "GET /articles/7 HTTP/1.1\r\nHost: 127.0.0.1\r\n{upgrade}\r\n").unwrap();
    assert!(read_until(&mut refused, "\r\n\r\n").starts_with("HTTP/1.1 401 "));

    let mut stream = connect(&scene);
    write!(stream, "GET /articles/7 HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {}\r\n{upgrade}\r\n", pass(&paid))
        .unwrap();
    let head = read_until(&mut stream, "\r\n\r\n").to_lowercase();
    assert!(head.starts_with("http/1.1 101 "), "{head}");
    for line in ["upgrade: websocket\r\n", "connection: upgrade\r\n", "sec-websocket-accept: x\r\n"] {
        assert!(head.contains(line), "{line} is not in {head}");
    }
    for message in ["hello\n", "once more\n", "\u{0}\u{1}\n"] {
        stream.write_all(message.as_bytes()).unwrap();
        assert_eq!(read_until(&mut stream, "\n"), message);
    }
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).unwrap();
    assert!(rest.is_empty());
}

#[test]
fn a_websocket_ends_with_its_reader_even_if_the_site_says_nothing() {
    let scene = Scene::new("idle_seconds = 1\n");
    let to_the_site = || scene.gate.connections_to(scene.site.address()).unwrap();
    let mut stream = connect(&scene);
    write!(
        stream,
        "GET /deaf HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    )
    .unwrap();
    assert!(read_until(&mut stream, "\r\n\r\n").starts_with("HTTP/1.1 101 "));
    stream.write_all(b"hello").unwrap();
    assert_eq!(to_the_site(), 1);
    // Gone without a word, as a reader whose machine was switched off.
    rustix::net::sockopt::set_socket_linger(&stream, Some(Duration::ZERO)).unwrap();
    drop(stream);
    wait_until("an end of the connection that the gate keeps for nobody", || to_the_site() == 0);
}
