//! What is kept of a publisher, what it takes along, and how it is forgotten: in real processes, on both kinds of store.

use std::fs;
use std::os::unix::process::ExitStatusExt;

use farthing_tests::http::{self, Answer};
use farthing_tests::programs::Program;
use farthing_tests::{CRASH_VARIABLE, Publisher, ServiceProcess, World};
use serde_json::Value;

use crate::{on_redis, world};

const NAME: &str = "The Penny Press";
const PAYOUT_REFERENCE: &str = "DE02 1203 0000 0000 2020 51";

/// Where a process dies that erases.
const STEPS: &[&str] = &["publisher.before", "store.commit.before", "store.commit.after", "publisher.after"];

fn json(line: &str) -> Value {
    serde_json::from_str(line).unwrap()
}

fn get(publisher: &Publisher, redeemer: &ServiceProcess, path: &str) -> Answer {
    let url = format!("{}{path}", redeemer.url());
    http::get(&url, &[("Authorization", &publisher.bearer())]).unwrap()
}

fn add(world: &World, name: &str) -> Publisher {
    let arguments = ["publishers", "add", name, "--payout-reference", PAYOUT_REFERENCE];
    let printed = world.admin(Program::Redeemer, &arguments).unwrap();
    serde_json::from_str(&printed[0]).unwrap()
}

fn erase(world: &World, id: &str, rest: &[&str]) -> anyhow::Result<Vec<String>> {
    world.admin(Program::Redeemer, &[&["publishers", "erase", id, "--confirm", id], rest].concat())
}

fn listed(world: &World, id: &str) -> Value {
    let lines = world.admin(Program::Redeemer, &["publishers", "list"]).unwrap();
    lines.iter().map(|line| json(line)).find(|publisher| publisher["id"] == id).unwrap()
}

/// Nothing in the store says who the publisher was, and everything in it adds up.
#[track_caller]
fn assert_forgotten(world: &World, name: &str, what: &str) {
    let dump: String = world.dump(Program::Redeemer).unwrap().iter().map(Value::to_string).collect();
    assert!(!dump.contains(name), "{what}: {dump}");
    let checked = world.admin(Program::Redeemer, &["store", "check"]).unwrap();
    assert_eq!(checked, ["everything adds up"], "{what}");
}

fn a_publisher_is_forgotten_and_its_entries_stay(world: &World) {
    let issuer = world.serve(Program::Issuer).unwrap();
    let redeemer = world.serve(Program::Redeemer).unwrap();
    let publisher = add(world, NAME);
    let reader = world.reader("reader");
    reader.buy(&issuer, &redeemer, &world.voucher().unwrap()).unwrap();
    let tokens = reader.export(3).unwrap();
    assert_eq!(publisher.redeem(&redeemer.url(), "article", &tokens).unwrap().status, 200);

    let data = get(&publisher, &redeemer, "/v1/publisher").json();
    assert_eq!((&data["name"], &data["payout_reference"]), (&NAME.into(), &PAYOUT_REFERENCE.into()));
    assert_eq!(data["credits"][0]["tokens"], 3);
    let table = get(&publisher, &redeemer, "/v1/exports/redemptions.csv");
    assert!(String::from_utf8(table.body).unwrap().contains(",EUR,0.01,10000,3,0.03,30000\r\n"));
    // As a process writes it to a file.
    let export = ["export", "redemptions", &publisher.id];
    let written = world.try_admin(Program::Redeemer, &export).unwrap().stdout;
    let written = String::from_utf8(written).unwrap();
    assert!(written.starts_with("publisher,name,day,") && written.ends_with(",0.03,30000\r\n"), "{written}");

    let refused = format!("{:#}", erase(world, &publisher.id, &[]).unwrap_err());
    assert!(refused.contains("0.03 EUR is open"), "{refused}");
    assert_eq!(listed(world, &publisher.id)["name"], NAME);
    erase(world, &publisher.id, &["--owed", "forfeited"]).unwrap();
    assert_eq!(publisher.redeem(&redeemer.url(), "article", &tokens).unwrap().status, 401, "at once");
    assert_eq!(get(&publisher, &redeemer, "/v1/publisher").problem(), "api-key-unknown");
    assert_forgotten(world, NAME, "erased");
    let ledger = world.admin(Program::Redeemer, &["ledger", "list", &publisher.id]).unwrap();
    assert_eq!(json(&ledger[0])["credit"]["tokens"], 3, "the entries stay");
    // The name is free, the id is not.
    let other = add(world, NAME);
    assert_ne!(other.id, publisher.id);
    let second = reader.export(1).unwrap();
    assert_eq!(other.redeem(&redeemer.url(), "article", &second).unwrap().status, 200);

    // A backup has what is left, and a store made of it too.
    world.admin(Program::Redeemer, &["store", "backup", "--output", "store.backup"]).unwrap();
    let log = fs::read_to_string(redeemer.log()).unwrap();
    assert!(!log.contains(NAME) && !log.contains(PAYOUT_REFERENCE) && !log.contains(&publisher.id));
    redeemer.stop().unwrap();
    world.lose_store(Program::Redeemer).unwrap();
    world.admin(Program::Redeemer, &["store", "restore", "--input", "store.backup"]).unwrap();
    world.admin(Program::Redeemer, &["store", "close-gap", "--replayed"]).unwrap();
    let redeemer = world.serve(Program::Redeemer).unwrap();
    assert_eq!(get(&publisher, &redeemer, "/v1/publisher").problem(), "api-key-unknown");
    assert_eq!(get(&other, &redeemer, "/v1/publisher").json()["credits"][0]["tokens"], 1);
    let erased = listed(world, &publisher.id);
    assert_eq!((&erased["name"], &erased["owed"]), (&Value::Null, &"forfeited".into()));
    erase(world, &other.id, &["--owed", "paid"]).unwrap();
    assert_forgotten(world, NAME, "restored");
}

fn the_redeemer_dies_at_each_step_of_an_erasure(world: &World) {
    for step in STEPS {
        let name = format!("{NAME} {step}");
        let publisher = add(world, &name);
        let mut erasing = world.command(Program::Redeemer);
        erasing.args(["publishers", "erase", &publisher.id, "--confirm", &publisher.id, "--config"]);
        erasing.arg(world.configuration(Program::Redeemer)).env(CRASH_VARIABLE, step);
        let died = erasing.output().unwrap();
        assert_eq!(died.status.signal(), Some(9), "{step}: {died:?}");

        let redeemer = world.serve(Program::Redeemer).unwrap();
        let found = listed(world, &publisher.id);
        let data = get(&publisher, &redeemer, "/v1/publisher");
        if found["erased"].is_null() {
            assert_eq!(
                (data.status, &data.json()["name"]),
                (200, &name.clone().into()),
                "{step}: nothing is erased"
            );
        } else {
            assert_eq!(
                (data.status, &found["keys"]),
                (401, &Value::Array(Vec::new())),
                "{step}: all is erased"
            );
            assert_forgotten(world, &name, step);
        }
        let erased = json(&erase(world, &publisher.id, &[]).unwrap()[0]);
        assert_eq!((&erased["owed"], erased["erased"].is_null()), (&"nothing".into(), false), "{step}");
        assert_eq!(get(&publisher, &redeemer, "/v1/publisher").status, 401, "{step}");
        assert_forgotten(world, &name, step);
        redeemer.stop().unwrap();
    }
}

/// Runs each in a world of each kind.
macro_rules! in_worlds {
    ($($test:ident),* $(,)?) => {
        mod embedded {
            $(#[test]
            fn $test() {
                super::$test(&super::world());
            })*
        }

        mod redis {
            $(#[test]
            fn $test() {
                super::$test(&super::on_redis());
            })*
        }
    };
}

in_worlds! {
    a_publisher_is_forgotten_and_its_entries_stay,
    the_redeemer_dies_at_each_step_of_an_erasure,
}
