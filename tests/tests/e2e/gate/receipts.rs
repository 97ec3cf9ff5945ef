use std::fs;
use std::io::Write;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use farthing_tests::http;
use farthing_tests::programs::Program;
use farthing_tests::redis_servers::{Fault, FaultProxy};
use rustix::net::sockopt;

use super::{PRICES, Scene, authorization, pass, wait_until};

/// A scene whose gate keeps receipts, and where.
fn keeping() -> (Scene, PathBuf) {
    let Scene { world, issuer, redeemer, gate, site, publisher } = Scene::new("");
    gate.stop().unwrap();
    let rest = format!("receipts = \"data/receipts\"\n{PRICES}\n[upstream]\nurl = \"{}\"\n", site.url());
    world.write_gate(&redeemer.url(), &publisher, &rest).unwrap();
    let gate = world.serve(Program::Gate).unwrap();
    let directory = world.path("data/receipts");
    (Scene { world, issuer, redeemer, gate, site, publisher }, directory)
}

pub(super) fn files(directory: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|extension| extension == "jsonl")).collect()
}

/// What the receipts of a directory come to, as the redeemer's operator counts them.
fn verified(scene: &Scene, directory: &Path) -> String {
    let keys = http::get(&format!("{}/.well-known/jwks.json", scene.redeemer.url()), &[]).unwrap().json();
    let key = keys["keys"][0]["x"].as_str().unwrap();
    let files = files(directory);
    let files = files.iter().map(|file| file.to_str().unwrap());
    let line: Vec<_> = ["receipts", "verify", "--key", key].into_iter().chain(files).collect();
    scene.world.admin(Program::Redeemer, &line).unwrap().join("\n")
}

#[test]
fn what_the_publisher_is_owed_is_kept_before_the_page_is_served() {
    let (scene, directory) = keeping();
    let token = scene.tokens(1);
    let first = scene.pay("/articles/secret-story", &token);
    assert_eq!(first.status, 200, "{first:?}");
    assert_eq!(scene.pay("/long/7", &scene.tokens(5)).status, 200);
    let of_both = verified(&scene, &directory);
    assert!(of_both.contains("60000"), "{of_both}");
    // The same payment again has the same receipt, which is there already; so has one that a span before took.
    for seconds in [0, 200] {
        scene.world.move_clock(seconds).unwrap();
        assert_eq!(pass(&scene.pay("/articles/secret-story", &token)), pass(&first));
    }
    let lines: usize =
        files(&directory).iter().map(|file| fs::read_to_string(file).unwrap().lines().count()).sum();
    assert_eq!(lines, 2);
    assert!(verified(&scene, &directory).contains("60000"));
    // Nothing else is there.
    for file in files(&directory) {
        let text = fs::read_to_string(file).unwrap();
        for line in text.lines() {
            let envelope: farthing_api::Envelope = serde_json::from_str(line).unwrap();
            let receipt: serde_json::Value = serde_json::from_slice(&envelope.payload.0).unwrap();
            let members: Vec<_> = receipt.as_object().unwrap().keys().map(String::as_str).collect();
            assert_eq!(members, ["credited", "day", "publisher", "redemption"]);
        }
        assert!(!text.contains("secret-story"));
    }
}

/// A scene whose gate keeps receipts and reaches the redeemer through a proxy.
fn keeping_behind(fault: Fault) -> (Scene, PathBuf, FaultProxy) {
    let (scene, directory) = keeping();
    let proxy = FaultProxy::start(0, scene.redeemer.address().port()).unwrap();
    let scene = scene.with_redeemer_at(&format!("http://127.0.0.1:{}", proxy.port()));
    proxy.set(fault);
    (scene, directory, proxy)
}

#[test]
fn a_receipt_whose_answer_was_lost_is_asked_for() {
    let (scene, directory, proxy) = keeping_behind(Fault::CutAfterRequest);
    assert_eq!(scene.pay("/articles/1", &scene.tokens(1)).status, 503);
    wait_until("the payment to be taken", || scene.credit() == 10_000);
    proxy.set(Fault::None);
    // Nobody repeats it.
    wait_until("the receipt", || !files(&directory).is_empty());
    assert!(verified(&scene, &directory).contains("10000"));
}

#[test]
fn a_gate_that_stops_asks_once_more_and_says_what_may_be_missing() {
    for answers in [true, false] {
        let (scene, directory, proxy) = keeping_behind(Fault::CutAfterRequest);
        assert_eq!(scene.pay("/articles/1", &scene.tokens(1)).status, 503);
        wait_until("the payment to be taken", || scene.credit() == 10_000);
        if answers {
            proxy.set(Fault::None);
        }
        let log = scene.gate.log().to_owned();
        let Scene { world, issuer, redeemer, gate, site, publisher } = scene;
        gate.stop().unwrap();
        let log = fs::read_to_string(log).unwrap();
        assert_eq!(log.contains("at most so many receipts are missing for good"), !answers, "{log}");
        assert_eq!(log.contains("missing=1"), !answers, "{log}");
        assert_eq!(files(&directory).len(), usize::from(answers));
        if answers {
            let gate = world.serve(Program::Gate).unwrap();
            let scene = Scene { world, issuer, redeemer, gate, site, publisher };
            assert!(verified(&scene, &directory).contains("10000"));
        }
    }
}

#[test]
fn a_receipt_is_kept_although_the_reader_goes_away() {
    let (scene, directory, _proxy) = keeping_behind(Fault::Delay(Duration::from_secs(1)));
    let mut reader = TcpStream::connect(scene.gate.address()).unwrap();
    let paying = authorization(&scene.tokens(1));
    write!(reader, "GET /articles/1 HTTP/1.1\r\nHost: a\r\nAuthorization: {paying}\r\n\r\n").unwrap();
    wait_until("the payment to be taken", || scene.credit() == 10_000);
    // By a reset, at which the gate drops what it does for the reader.
    sockopt::set_socket_linger(&reader, Some(Duration::ZERO)).unwrap();
    drop(reader);
    wait_until("the receipt", || !files(&directory).is_empty());
    assert!(verified(&scene, &directory).contains("10000"));
}

#[test]
fn a_reader_is_served_although_no_receipt_can_be_written() {
    let (scene, directory) = keeping();
    let away = directory.with_extension("away");
    fs::rename(&directory, &away).unwrap();
    assert_eq!(scene.pay("/articles/1", &scene.tokens(1)).status, 200);
    super::wait_for_log(&scene.gate, "a receipt was not kept");
    let alarm = |value: &str| {
        super::metrics(&scene.gate).contains(&format!("farthing_alarm{{kind=\"receipts\"}} {value}\n"))
    };
    assert!(alarm("1"));
    fs::rename(&away, &directory).unwrap();
    // By itself, without another payment.
    wait_until("the receipt to be written", || alarm("0"));
    assert!(verified(&scene, &directory).contains("10000"));
}
