use farthing_tests::programs::Program;
use farthing_tests::{Reader, http};
use serde_json::json;

use crate::world;

#[test]
fn a_pack_is_bought_spent_once_and_accounted_for() {
    let world = world();
    let (issuer, redeemer) = (world.serve(Program::Issuer).unwrap(), world.serve(Program::Redeemer).unwrap());
    let (reader, publisher) = (world.reader("reader"), world.publisher("Example").unwrap());
    let voucher = world.voucher().unwrap();
    reader.buy(&issuer, &redeemer, &voucher).unwrap();
    assert_eq!(reader.tokens().unwrap(), 100);

    let tokens = reader.export(3).unwrap();
    let taken = publisher.redeem(&redeemer.url(), "article-1", &tokens).unwrap();
    assert_eq!(taken.status, 200, "{}", taken.body);
    let again = publisher.redeem(&redeemer.url(), "article-1", &tokens).unwrap();
    assert_eq!(again.status, 200);
    assert!(again.answer().unwrap().replayed);
    assert_eq!(again.answer().unwrap().results, taken.answer().unwrap().results);
    assert_eq!(publisher.earlier(&redeemer.url(), "article-1").unwrap().status, 200);

    let other = world.publisher("Other").unwrap();
    let refused = other.redeem(&redeemer.url(), "article-1", &tokens).unwrap();
    assert_eq!(refused.status, 409);
    assert_eq!(refused.body["results"], json!(["spent", "spent", "spent"]));
    assert_eq!(publisher.credit_micros(&redeemer.url()).unwrap(), 30_000);
    assert_eq!(other.credit_micros(&redeemer.url()).unwrap(), 0);

    // Nobody sees a day's totals before it has ended.
    let audit = reader.run(&["audit"]).unwrap().done().unwrap();
    assert_eq!(audit["audits"][0]["keys"], json!([]));
    world.move_clock(86_400).unwrap();
    let audit = reader.run(&["audit"]).unwrap().done().unwrap();
    let key = &audit["audits"][0]["keys"][0];
    assert_eq!((key["issued"].as_u64(), key["redeemed"].as_u64()), (Some(100), Some(3)), "{audit}");
    issuer.stop().unwrap();
    redeemer.stop().unwrap();
}

#[test]
fn a_voucher_pays_once_and_a_wrong_one_costs_nothing() {
    let world = world();
    let (issuer, redeemer) = (world.serve(Program::Issuer).unwrap(), world.serve(Program::Redeemer).unwrap());
    let voucher = world.voucher().unwrap();
    let (first, second) = (world.reader("first"), world.reader("second"));
    let wrong = first
        .run(&Reader::buying(&issuer.url(), &redeemer.url(), "00000-00000-00000-00000-00000-0"))
        .unwrap();
    assert_eq!(wrong.status.code(), Some(1), "{}", wrong.error);
    first.buy(&issuer, &redeemer, &voucher).unwrap();
    let used = second.run(&Reader::buying(&issuer.url(), &redeemer.url(), &voucher)).unwrap();
    assert_eq!(used.status.code(), Some(1), "{}", used.error);
    assert_eq!((first.tokens().unwrap(), second.tokens().unwrap()), (100, 0));
}

#[test]
fn commands_work_with_and_without_the_service() {
    let world = world();
    let before = world.voucher().unwrap();
    let publisher = world.publisher("Example").unwrap();
    let (issuer, redeemer) = (world.serve(Program::Issuer).unwrap(), world.serve(Program::Redeemer).unwrap());
    let during = world.voucher().unwrap();
    let reader = world.reader("reader");
    for voucher in [before, during] {
        reader.buy(&issuer, &redeemer, &voucher).unwrap();
    }
    assert_eq!(reader.tokens().unwrap(), 200);

    // Keys are rolled while both are good.
    let printed = world.admin(Program::Redeemer, &["publishers", "keys", "add", &publisher.id]).unwrap();
    assert_eq!(printed.len(), 1);
    let listed = world.admin(Program::Redeemer, &["publishers", "list"]).unwrap();
    assert_eq!(listed.len(), 1, "{listed:?}");
    assert!(!listed[0].contains(&publisher.api_key));
    let listed: serde_json::Value = serde_json::from_str(&listed[0]).unwrap();
    let keys = listed["keys"].as_array().unwrap();
    assert_eq!(keys.len(), 2);
    assert_eq!(publisher.credit_micros(&redeemer.url()).unwrap(), 0);

    let missing =
        world.try_admin(Program::Redeemer, &["publishers", "keys", "add", "AAAAAAAAAAAAAAAAAAAAAA"]).unwrap();
    assert_eq!(missing.status.code(), Some(1));
    assert_eq!(String::from_utf8_lossy(&missing.stderr).trim().lines().count(), 1);
}

#[test]
fn health_readiness_and_metrics_are_served() {
    let world = world();
    let issuer = world.serve(Program::Issuer).unwrap();
    let redeemer = world.serve(Program::Redeemer).unwrap();
    for service in [&issuer, &redeemer] {
        for path in ["/healthz", "/readyz"] {
            assert_eq!(http::get(&format!("{}{path}", service.url()), &[]).unwrap().status, 200, "{path}");
        }
        let log = std::fs::read_to_string(service.log()).unwrap();
        let metrics = log.split("metrics=").nth(1).unwrap().split_whitespace().next().unwrap();
        let answer = http::get(&format!("http://{metrics}/metrics"), &[]).unwrap();
        let text = String::from_utf8(answer.body).unwrap();
        assert!(text.contains("farthing_alarm{kind=\"keyring\"} 0"), "{text}");
        assert_eq!(http::get(&format!("http://{metrics}/v1/packs"), &[]).unwrap().status, 404);
    }
}
