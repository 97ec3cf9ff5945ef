//! The publisher's page in a real browser that runs no scripts.

use farthing_protocol::{Day, SECONDS_PER_DAY};
use farthing_tests::browser::Browser;
use farthing_tests::programs::Program;
use farthing_tests::{Publisher, ServiceProcess, World};
use serde_json::Value;

use crate::{morning, world};

/// How many tokens are redeemed on each day.
const DAYS: [u32; 9] = [3, 7, 0, 12, 5, 9, 1, 16, 11];

/// A publisher with income of some days, a statement that is paid in part, and an entry of the operator's.
fn with_income(world: &World) -> (ServiceProcess, Publisher) {
    let first = morning();
    world.stop_clock(first).unwrap();
    let rest = "payout_hold_days = 0\ncommission_basis_points = 1000\n";
    world.write_configuration(Program::Redeemer, rest).unwrap();
    let (issuer, redeemer) = (world.serve(Program::Issuer).unwrap(), world.serve(Program::Redeemer).unwrap());
    let arguments =
        ["publishers", "add", "The Daily Example", "--payout-reference", "DE02 1203 0000 0000 2020 51"];
    let added = world.admin(Program::Redeemer, &arguments).unwrap();
    let publisher: Publisher = serde_json::from_str(&added[0]).unwrap();
    let reader = world.reader("reader");
    reader.buy(&issuer, &redeemer, &world.voucher().unwrap()).unwrap();
    for (number, tokens) in (0..).zip(DAYS) {
        world.stop_clock(first + number * SECONDS_PER_DAY).unwrap();
        if tokens > 0 {
            let tokens = reader.export(tokens).unwrap();
            let redeemed = publisher.redeem(&redeemer.url(), &number.to_string(), &tokens).unwrap();
            assert_eq!(redeemed.status, 200, "{}", redeemed.body);
        }
    }
    let day = |number: u64| Day::from_unix(first + number * SECONDS_PER_DAY).to_string();
    let adjust = ["ledger", "adjust", &publisher.id, "--day", &day(3), "--denomination", "EUR-10000"];
    let adjust = [&adjust[..], &["--tokens", "-2", "--reason", "two pages that were empty"]].concat();
    world.admin(Program::Redeemer, &adjust).unwrap();
    for number in [3, 7] {
        world.admin(Program::Redeemer, &["statements", "close", "--through", &day(number)]).unwrap();
    }
    let statement = format!("EUR.{}", day(3));
    let pay =
        ["payouts", "record", &publisher.id, &statement, "--reference", "transfer 7", "--amount-minor", "10"];
    world.admin(Program::Redeemer, &pay).unwrap();
    (redeemer, publisher)
}

/// The browser took every style, and had no script to refuse.
#[track_caller]
fn assert_nothing_refused(browser: &Browser) {
    let console = browser.console().unwrap();
    assert!(
        console.iter().all(|line| line.contains("favicon") || line.contains("status of 4")),
        "{console:?}"
    );
}

fn sign_in(browser: &Browser, api_key: &str) {
    let field = browser.find("input[name=api_key]").unwrap();
    assert_eq!(field.label().unwrap(), "API key");
    field.type_text(api_key).unwrap();
    browser.find("main button").unwrap().click().unwrap();
}

#[test]
fn a_publisher_sees_its_income_and_rolls_its_key_without_scripts() {
    let Some(browser) = Browser::start().unwrap() else { return };
    let world = world();
    let (redeemer, publisher) = with_income(&world);
    browser.disable_scripts().unwrap();
    browser.open(&format!("{}/dashboard", redeemer.url())).unwrap();
    browser.wait_for_title("Sign in · Farthing").unwrap();
    browser.keep_picture("dashboard-sign-in").unwrap();
    sign_in(&browser, "fpk_wrong");
    let alert = browser.find("[role=alert]").unwrap().text().unwrap();
    assert!(alert.starts_with("This is no API key that is in force."), "{alert}");

    sign_in(&browser, &publisher.api_key);
    browser.wait_for_title("The Daily Example: Overview · Farthing").unwrap();
    assert_eq!(browser.url().unwrap(), format!("{}/dashboard", redeemer.url()));
    let cookies = browser.cookies().unwrap();
    let [cookie] = &cookies[..] else { panic!("{cookies:?}") };
    let attributes = ["name", "path", "secure", "httpOnly", "sameSite"].map(|name| cookie[name].clone());
    let expected: [Value; 5] =
        ["__Host-farthing-publisher".into(), "/".into(), true.into(), true.into(), "Strict".into()];
    assert_eq!(attributes, expected);

    let plot = browser.find("svg").unwrap();
    assert_eq!(plot.role().unwrap(), "image");
    assert!(plot.label().unwrap().starts_with("Income by day, EUR: 0.64\u{a0}EUR in the last 30 days"));
    let bars = browser.find_all("svg .bar").unwrap();
    assert_eq!(bars.len(), DAYS.iter().filter(|tokens| **tokens > 0).count());
    assert_ne!(bars[0].style("fill").unwrap(), "rgb(0, 0, 0)", "the style is taken");
    browser.find("summary").unwrap().click().unwrap();
    let rows = browser.find_all("details tbody tr").unwrap();
    assert_eq!((rows.len(), rows[29].text().unwrap().ends_with("0.11 EUR")), (30, true));
    let statements = browser.find("section[aria-labelledby=statements] tbody").unwrap().text().unwrap();
    // 22 cents less 2, less a tenth; of the 18 left 10 were paid.
    assert!(statements.contains("0.20 EUR 0.02 EUR 0.18 EUR 0.08 EUR"), "{statements}");
    let payouts = browser.find("section[aria-labelledby=payouts] tbody").unwrap().text().unwrap();
    assert!(payouts.contains("0.10 EUR transfer 7"), "{payouts}");
    browser.find("summary").unwrap().click().unwrap();
    browser.keep_picture("dashboard").unwrap();
    assert_nothing_refused(&browser);

    browser.prefer_colours("dark").unwrap();
    browser.prefer_languages("de").unwrap();
    browser.open(&format!("{}/dashboard", redeemer.url())).unwrap();
    assert_eq!(browser.find("h1").unwrap().text().unwrap(), "Übersicht");
    assert_ne!(browser.find("body").unwrap().style("background-color").unwrap(), "rgba(255, 255, 255, 1)");
    browser.keep_picture("dashboard-dark-german").unwrap();
    browser.prefer_languages("en").unwrap();
    browser.open(&format!("{}/dashboard", redeemer.url())).unwrap();

    // A new key is made and the old one revoked, which ends the session; the new one signs in.
    browser.find("form[action='/dashboard/keys'] button").unwrap().click().unwrap();
    let new = browser.find("#new-key").unwrap().text().unwrap();
    let id = browser.find("#new-key-id").unwrap().text().unwrap();
    let listed = browser.find("section[aria-labelledby=keys] tbody").unwrap().text().unwrap();
    assert!(listed.contains(&id), "{id} is not in {listed}");
    browser.keep_picture("dashboard-new-key").unwrap();
    let own = "//tr[contains(., 'you are signed in with it')]//button";
    browser.find_by_path(own).unwrap().click().unwrap();
    browser.wait_for_title("Sign in · Farthing").unwrap();
    assert_eq!(publisher.credit_micros(&redeemer.url()).ok(), None, "the old key is refused");
    sign_in(&browser, &new);
    let rolled = Publisher { id: publisher.id.clone(), api_key: new };
    assert_eq!(rolled.credit_micros(&redeemer.url()).unwrap(), 640_000);

    browser.find("form[action='/dashboard/sign-out'] button").unwrap().click().unwrap();
    browser.wait_for_title("Sign in · Farthing").unwrap();
    assert_eq!(browser.cookies().unwrap().len(), 0);
    assert_nothing_refused(&browser);
}
