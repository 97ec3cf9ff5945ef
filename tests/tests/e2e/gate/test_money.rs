//! Money for tests, XTS: bought, paid with, credited and stated like any other, and never paid out.

use farthing_protocol::{Day, SECONDS_PER_DAY};
use farthing_tests::programs::Program;
use farthing_tests::{PACK, Site, World};
use serde_json::{Value, json};

use super::wallet::Visitor;
use crate::{BINARY, morning};

const PRICES: &str = r#"
[[price]]
path = "/articles/*/**"
price_micros = 20000
currency = "XTS"

[[price]]
path = "/long/*"
price_micros = 20000
currency = "EUR"
"#;

/// A world whose issuer sells tokens of 10,000 micros in these packs and their currencies; no stores, no keys.
pub(super) fn selling(packs: &[(&str, &str)]) -> World {
    let pack = |(id, currency): &(&str, &str)| {
        format!(
            "[[pack]]\nid = \"{id}\"\ntitle = \"{id}\"\ncount = 100\nvalue_micros = 10000\ncurrency = \"{currency}\"\n\
             price_minor = 100\n"
        )
    };
    let world = World::unprepared(BINARY).unwrap();
    world.write_configuration(Program::Issuer, &packs.iter().map(pack).collect::<String>()).unwrap();
    world
}

#[test]
fn a_page_is_tried_with_test_money_from_the_purchase_to_the_statement_and_nobody_is_paid() {
    let world = selling(&[(PACK, "XTS"), ("euros", "EUR")]);
    world.write_configuration(Program::Redeemer, World::PAYS_AT_ONCE).unwrap();
    world.stop_clock(morning()).unwrap();
    let world = world.prepared().unwrap();
    let (issuer, redeemer) = (world.serve(Program::Issuer).unwrap(), world.serve(Program::Redeemer).unwrap());
    world.reader("reader").buy(&issuer, &redeemer, &world.voucher().unwrap()).unwrap();
    let (publisher, site) = (world.publisher("Daily").unwrap(), Site::start().unwrap());
    let rest = format!("{PRICES}\n[upstream]\nurl = \"{}\"\n", site.url());
    world.write_gate(&redeemer.url(), &publisher, &rest).unwrap();
    let gate = world.serve(Program::Gate).unwrap();

    let visitor = Visitor::new(&world, &gate.url());
    let (_, error) = visitor.get("/articles/1", &["--max", "0.02", "EUR"], 1);
    assert!(error.contains("the page costs 0.02 XTS, and nothing was paid"), "{error}");
    let (_, error) = visitor.get("/long/1", &["--yes"], 1);
    assert!(
        error.contains("costs 0.02 EUR") && visitor.tokens() == 100,
        "test money pays for nothing else: {error}"
    );
    let (paid, _) = visitor.get("/articles/1", &["--max", "0.02", "XTS"], 0);
    assert_eq!((&paid["payment"]["state"], &paid["payment"]["currency"]), (&json!("spent"), &json!("XTS")));
    assert_eq!((visitor.tokens(), visitor.page().0.as_str()), (98, "/articles/1"));

    let day = Day::from_unix(morning()).to_string();
    world.stop_clock(morning() + SECONDS_PER_DAY).unwrap();
    let closed = world.admin(Program::Redeemer, &["statements", "close", "--through", &day]).unwrap();
    let closed: Value = serde_json::from_str(&closed[0]).unwrap();
    let statement = closed["statement"]["id"].as_str().unwrap();
    assert_eq!(
        (statement, &closed["statement"]["gross_micros"]),
        (format!("XTS.{day}").as_str(), &json!(20_000))
    );
    // In no way, and however long one waits.
    world.stop_clock(morning() + 40 * SECONDS_PER_DAY).unwrap();
    assert!(world.admin(Program::Redeemer, &["payouts", "due"]).unwrap().is_empty());
    let pay = ["payouts", "record", &publisher.id, statement, "--reference", "transfer 7"];
    for amount in [&[][..], &["--amount-minor", "1"]] {
        let refused = world.try_admin(Program::Redeemer, &[&pay[..], amount].concat()).unwrap();
        let error = String::from_utf8(refused.stderr).unwrap();
        assert_eq!((refused.status.code(), error.contains("XTS")), (Some(1), true), "{error}");
    }
    assert!(world.admin(Program::Redeemer, &["payouts", "list"]).unwrap().is_empty());
}
