//! Comparing what was redeemed with what the issuer published, and the alarm.

use std::io::{Read, Write};
use std::net::TcpListener;

use farthing_api::{Base64Url, DayTotal, KeyTotals, TOTALS_PAYLOAD_TYPE};
use farthing_protocol::Day;

use super::*;
use crate::audit::Issued;

const ISSUER_SEED: [u8; 32] = [5; 32];

fn issuer_key() -> String {
    SigningKey::from_seed(&ISSUER_SEED).jwk_set().keys[0].x.to_string()
}

/// What the issuer publishes when it issued so many tokens of `key` on the day of [`NOW`].
fn published(key: &TestKey, tokens: u64, through: Day) -> Vec<u8> {
    let day = Day::from_unix(NOW).to_string();
    let totals = Totals {
        service: "issuer".to_owned(),
        issuer_name: ISSUER.to_owned(),
        through: through.to_string(),
        keys: vec![KeyTotals {
            token_key_id: Base64Url(key.id().to_bytes()),
            value_micros: 10_000,
            currency: "EUR".to_owned(),
            tokens,
            orders: Some(1),
            days: vec![DayTotal { day, tokens, orders: Some(1) }],
        }],
    };
    let envelope = SigningKey::from_seed(&ISSUER_SEED).sign_envelope(TOTALS_PAYLOAD_TYPE, &totals).unwrap();
    serde_json::to_vec(&envelope).unwrap()
}

fn issued(key: &TestKey, tokens: u64) -> Issued {
    let document = published(key, tokens, Day::from_unix(NOW));
    Issued::read(&document, &issuer_key().parse().unwrap(), &IssuerName::new(ISSUER).unwrap()).unwrap()
}

/// Answers one request with `document`; its URL.
fn serve_once(document: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1/totals", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let mut part = [0; 1_024];
            let length = stream.read(&mut part).unwrap();
            request.extend_from_slice(&part[..length]);
        }
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", document.len());
        stream.write_all(&[head.as_bytes(), &document].concat()).unwrap();
    });
    url
}

fn alarm(running: &Running, kind: &'static str) -> Option<bool> {
    let text = running.metrics.encode().unwrap();
    let name = format!("farthing_alarm{{kind=\"{kind}\"}} ");
    text.lines().find_map(|line| line.strip_prefix(&name)).map(|value| value == "1")
}

#[test]
fn the_operators_audit_raises_the_alarm_and_a_later_one_ends_it() {
    let key = TestKey::new(1);
    let running = Running::start(&[&key]);
    let tokens: Vec<_> = (1..=3).map(|number| key.token(number)).collect();
    running.redeem("a", &tokens.iter().collect::<Vec<_>>(), true).results(200, &["accepted"; 3]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let audit =
        |tokens| runtime.block_on(running.redeemer.obey(Command::Audit { issued: issued(&key, tokens) }));
    audit(2).unwrap();
    assert_eq!(alarm(&running, "audit"), Some(false), "today is not compared");
    running.clock.0.store(NOW + SECONDS_PER_DAY, Ordering::Relaxed);
    let found = audit(2).unwrap();
    assert_eq!(
        (&found[0]["issued"], &found[0]["redeemed"], &found[0]["excess"]),
        (&json!(2), &json!(3), &json!(1))
    );
    assert_eq!(found[1]["compared_through"], "2026-11-21");
    assert_eq!(alarm(&running, "audit"), Some(true));
    let older = Issued { through: Day::from_unix(NOW).previous().unwrap(), keys: Vec::new() };
    runtime.block_on(running.redeemer.obey(Command::Audit { issued: older })).unwrap();
    assert_eq!(alarm(&running, "audit"), Some(true), "what was seen is not unseen");
    assert_eq!(audit(3).unwrap()[0]["excess"], 0);
    assert_eq!(alarm(&running, "audit"), Some(false));
}

#[test]
fn published_totals_are_fetched_and_those_that_are_withheld_or_old_are_told() {
    let key = TestKey::new(1);
    let table = format!("\n[audit]\nissuer_totals_key = \"{}\"\n", issuer_key());
    let running = Running::start_with(&[&key], &table);
    running.redeem("a", &[&key.token(1), &key.token(2)], true).results(200, &["accepted"; 2]);
    running.clock.0.store(NOW + SECONDS_PER_DAY, Ordering::Relaxed);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let audit = |document| {
        let url = serve_once(document).parse().unwrap();
        runtime.block_on(running.redeemer.audit_published(&url));
        ["audit", "issuer-totals"].map(|kind| alarm(&running, kind))
    };
    let through = Day::from_unix(NOW);
    assert_eq!(alarm(&running, "audit"), None);
    assert_eq!(audit(b"{}".to_vec()), [None, Some(true)]);
    assert_eq!(audit(published(&key, 2, through)), [Some(false), Some(false)]);
    let mut forged = published(&key, 1, through);
    forged.iter_mut().filter(|byte| **byte == b'A').for_each(|byte| *byte = b'B');
    assert_eq!(audit(forged), [Some(false), Some(true)]);
    assert_eq!(audit(published(&key, 1, through)), [Some(true), Some(false)]);
    running.clock.0.store(NOW + 4 * SECONDS_PER_DAY, Ordering::Relaxed);
    assert_eq!(audit(published(&key, 2, through)), [Some(false), Some(true)], "they are too old");
}
