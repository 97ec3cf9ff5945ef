use std::io::Write;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::*;

/// Does one command line on a configuration in `directory`; what it printed, or its line of error.
fn command(directory: &Path, line: &[&str]) -> Result<String, String> {
    let file = directory.join("redeemer.toml");
    std::fs::write(&file, include_str!("../../../configs/redeemer.toml")).unwrap();
    let config = file.to_str().unwrap();
    let args = [&["farthing-redeemer"], line, &["--config", config]].concat();
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let cli = Cli::try_parse_from(&args).map_err(|error| error.kind().to_string())?;
        let mut out = Vec::new();
        let config = Config::load(&cli.config).unwrap();
        match act(cli.action, config, &Environment::production(), &mut out) {
            Ok(()) => return Ok(String::from_utf8(out).unwrap()),
            // The writer of the command before, which was another process outside this test, may not have ended.
            Err(error) if error.to_string().contains("open in another") && Instant::now() < deadline => {
                std::thread::yield_now();
            }
            Err(error) => return Err(format!("{error:#}")),
        }
    }
}

#[test]
fn publishers_are_kept_between_commands() {
    let directory = tempfile::tempdir().unwrap();
    let run = |line: &[&str]| command(directory.path(), line);
    let json = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    let missing = run(&["publishers", "list"]).unwrap_err();
    assert!(missing.contains("run `farthing-redeemer store init`"), "{missing}");
    assert!(run(&["store", "init", "--trust-key", "all"]).unwrap().starts_with("made the store "));
    assert!(run(&["store", "init"]).unwrap_err().contains("redeemer.db exists"));

    let added = run(&["publishers", "add", "Daily"]).unwrap();
    assert_eq!(added.lines().count(), 1);
    let added = json(&added);
    let id = added["id"].as_str().unwrap();
    assert!(added["api_key"].as_str().unwrap().starts_with("fpk_"));
    assert!(run(&["publishers", "add", "Daily"]).unwrap_err().contains("called \"Daily\" already"));
    let second = json(&run(&["publishers", "keys", "add", id]).unwrap());
    let key_id = second["key_id"].as_str().unwrap();
    let revoked = run(&["publishers", "keys", "revoke", id, key_id]).unwrap();
    assert!(revoked.contains(key_id));

    let listed = json(&run(&["publishers", "list"]).unwrap());
    assert_eq!(listed["name"], "Daily");
    let keys: Vec<_> = listed["keys"].as_array().unwrap().iter().map(|key| &key["revoked"]).collect();
    assert_eq!(keys, [false, true]);
    assert_eq!(listed["keys"][1]["id"], key_id);

    let adjust = [
        "ledger",
        "adjust",
        id,
        "--day",
        "2020-01-31",
        "--denomination",
        "EUR-10000",
        "--tokens",
        "-5",
        "--reason",
        "counted twice",
    ];
    let entry = json(&run(&adjust).unwrap());
    let future = [&adjust[..3], &["--day", "9999-01-31"], &adjust[5..]].concat();
    let refused = run(&future).unwrap_err();
    assert!(refused.starts_with("the day 9999-01-31 has not begun"), "it is not unknown: {refused}");
    let again = [&adjust[..], &["--id", entry["id"].as_str().unwrap()]].concat();
    assert_eq!(json(&run(&again).unwrap()), entry);
    let listed = run(&["ledger", "list", id]).unwrap();
    assert_eq!(listed.lines().count(), 2, "one entry and one balance: {listed}");
    let closed = json(&run(&["statements", "close", "--through", "2020-01-31"]).unwrap());
    assert_eq!(closed["statement"]["net_minor"], -5);
    assert_eq!(json(&run(&["statements", "list"]).unwrap()), closed);

    let dumped = run(&["store", "dump"]).unwrap();
    let secret = added["api_key"].as_str().unwrap();
    assert!(dumped.contains("Daily") && !dumped.contains(secret) && !dumped.contains(&secret[4..]));
}

#[test]
fn a_wrong_id_is_named_and_not_repeated() {
    let directory = tempfile::tempdir().unwrap();
    let run = |line: &[&str]| command(directory.path(), line).unwrap_err();
    run(&["publishers", "list"]);
    let id = "AAAAAAAAAAAAAAAAAAAAAA";
    for (line, begins) in [
        (&["publishers", "keys", "add", "fpk_secret"][..], "PUBLISHER_ID: not a publisher's id"),
        (&["publishers", "keys", "revoke", id, "fpk_secret"], "KEY_ID: not an API key's id"),
        (&["publishers", "add", " x"], "NAME: a publisher's name has"),
        (&["ledger", "list", "fpk_secret"], "PUBLISHER_ID: not a publisher's id"),
        (&["statements", "close", "--through", "secret"], "--through: not a day"),
        (&["export", "x"], "TABLE: write redemptions, statements or payouts"),
        (&["export", "payouts", "--from", "secret"], "--from: not a day"),
        (
            &["export", "payouts", "--from", "2026-11-02", "--through", "2026-11-01"],
            "`from` is after `through`",
        ),
        (&["store", "init", "--trust-key", "x"], "--trust-key x: not base64url"),
    ] {
        let error = run(line);
        assert!(error.starts_with(begins) && !error.contains("secret"), "{error}");
    }
    assert!(run(&["store", "init", "--groups", "2"]).starts_with("--groups: the embedded store is one"));
    command(directory.path(), &["store", "init"]).unwrap();
    assert!(run(&["publishers", "keys", "add", id]).starts_with("there is no publisher AAAA"));
    // Of 64 ids one begins with a dash.
    let id = "-AAAAAAAAAAAAAAAAAAAAA";
    assert!(run(&["publishers", "keys", "add", id]).starts_with("there is no publisher -AAA"));
    assert!(run(&["ledger", "list", id]).starts_with("there is no publisher -AAA"));
    assert!(run(&["statements", "list", id]).starts_with("there is no publisher -AAA"));
    run(&["publishers", "keys"]);
}

#[test]
fn a_table_that_is_too_long_for_the_socket_says_how_to_take_less() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("data")).unwrap();
    let listener = UnixListener::bind(directory.path().join("data/redeemer.sock")).unwrap();
    let service = std::thread::spawn(move || {
        let (mut caller, _) = listener.accept().unwrap();
        // The caller has enough before the end of it.
        let _ = caller.write_all(&vec![b'x'; 17 * 1024 * 1024]);
    });
    let error = command(directory.path(), &["export", "redemptions"]).unwrap_err();
    service.join().unwrap();
    assert!(
        error.starts_with("take fewer days (--from, --through), or one publisher (PUBLISHER_ID)"),
        "{error}"
    );
    assert!(error.contains("longer than the 16 MiB"), "{error}");
}

#[test]
fn whoever_hears_nothing_of_a_new_key_is_told_to_look_for_it() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("data")).unwrap();
    let listener = UnixListener::bind(directory.path().join("data/redeemer.sock")).unwrap();
    let service = std::thread::spawn(move || drop(listener.accept().unwrap()));
    let line = ["publishers", "keys", "add", "AAAAAAAAAAAAAAAAAAAAAA"];
    let error = command(directory.path(), &line).unwrap_err();
    service.join().unwrap();
    assert!(error.starts_with("a key may have been made, which nobody was shown"), "{error}");
}

#[test]
fn a_publisher_is_described_and_erased() {
    let directory = tempfile::tempdir().unwrap();
    let run = |line: &[&str]| command(directory.path(), line);
    let json = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    run(&["store", "init", "--trust-key", "all"]).unwrap();
    let added = json(&run(&["publishers", "add", "Daily", "--payout-reference", "IBAN 7"]).unwrap());
    let id = added["id"].as_str().unwrap();
    let describe = |rest: &[&str]| run(&[&["publishers", "describe", id], rest].concat());
    let described = json(&describe(&["--name", "Weekly"]).unwrap());
    assert_eq!((&described["name"], &described["payout_reference"]), (&json!("Weekly"), &json!("IBAN 7")));
    assert_eq!(json(&describe(&["--no-payout-reference"]).unwrap())["payout_reference"], Value::Null);
    assert_eq!(json(&describe(&["--payout-reference", "IBAN 8"]).unwrap())["payout_reference"], "IBAN 8");
    describe(&[]).unwrap_err();
    describe(&["--payout-reference", "x", "--no-payout-reference"]).unwrap_err();
    assert!(
        describe(&["--payout-reference", "a\nb"]).unwrap_err().starts_with("--payout-reference: write 1")
    );
    run(&["publishers", "add", "Daily"]).unwrap();
    assert!(describe(&["--name", "Daily"]).unwrap_err().starts_with("another publisher has this name"));

    let euros = ["--day", "2020-01-31", "--denomination", "EUR-10000", "--tokens", "5", "--reason", "a gift"];
    run(&[&["ledger", "adjust", id], &euros[..]].concat()).unwrap();
    run(&["statements", "close", "--through", "2020-01-31"]).unwrap();
    let due = json(&run(&["payouts", "due"]).unwrap());
    assert_eq!((&due["payout_reference"], &due["payable_minor"]), (&json!("IBAN 8"), &json!(5)));

    let record =
        ["payouts", "record", id, "EUR.2020-01-31", "--reference", "transfer 7", "--amount-minor", "2"];
    let unnamed = run(&[&record[..], &["--after-restore"]].concat()).unwrap_err();
    assert!(unnamed.starts_with("--after-restore: name the payout with --id"), "{unnamed}");
    let (_, drawn) = unnamed.rsplit_once("--id ").unwrap();
    let payout = json(&run(&[&record[..], &["--id", drawn]].concat()).unwrap());
    assert_eq!((&payout["id"], &payout["payout_reference"]), (&json!(drawn), &json!("IBAN 8")));
    let reverse = ["payouts", "reverse", id, drawn, "--reason", "it came back"];
    let reversal = json(&run(&reverse).unwrap());
    assert_eq!((&reversal["amount_minor"], &reversal["reverses"]), (&json!(-2), &json!(drawn)));
    assert_eq!(json(&run(&reverse).unwrap()), reversal);
    assert_eq!(json(&run(&["payouts", "due"]).unwrap())["payable_minor"], 5);
    let more = [&record[..6], &["--amount-minor", "6"]].concat();
    let refused = run(&more).unwrap_err();
    assert!(
        refused.starts_with("6 minor units are asked for, and 5 are due"),
        "it is not unknown: {refused}"
    );
    let elsewhere = [&record[..], &["--payout-reference", "IBAN 9"]].concat();
    assert_eq!(json(&run(&elsewhere).unwrap())["payout_reference"], "IBAN 9");

    let exported =
        run(&["export", "statements", id, "--from", "2020-01-01", "--through", "2020-01-31"]).unwrap();
    let rows: Vec<_> = exported.split("\r\n").collect();
    assert!(rows[0].starts_with("publisher,name,statement,currency,from,through"), "{exported}");
    assert!(rows[1].contains("Weekly,EUR.2020-01-31,EUR,") && rows[1].contains(",0.05,50000,"), "{exported}");
    assert_eq!((rows.len(), rows[2]), (3, ""));
    assert_eq!(json(&run(&["export", "statements", "--format", "json"]).unwrap())["net_micros"], 50_000);

    let erase = |confirm: &str, rest: &[&str]| {
        run(&[&["publishers", "erase", id, "--confirm", confirm], rest].concat())
    };
    assert!(erase("AAAAAAAAAAAAAAAAAAAAAA", &[]).unwrap_err().starts_with("--confirm: not the same id"));
    let refused = erase(id, &[]).unwrap_err();
    assert!(refused.starts_with("0.03 EUR is open with the publisher"), "{refused}");
    assert!(erase(id, &["--owed", "nothing"]).unwrap_err().starts_with("--owed: write paid or forfeited"));
    let key = json(&run(&["publishers", "keys", "add", id]).unwrap())["key_id"].clone();
    for _ in 0..2 {
        let erased = json(&erase(id, &["--owed", "forfeited"]).unwrap());
        assert_eq!(
            (&erased["owed"], &erased["keys"], &erased["name"]),
            (&json!("forfeited"), &json!([]), &Value::Null)
        );
    }
    // A payout was reversed on that very day, and what came first no record says.
    let due = json(&run(&["payouts", "due"]).unwrap());
    assert_eq!((&due["owed"], &due["unpaid_minor"]), (&json!("forfeited"), &json!(3)));
    let refused = run(&["publishers", "keys", "add", id]).unwrap_err();
    assert!(refused.contains("the publisher was erased on 20"), "{refused}");
    run(&["publishers", "keys", "revoke", id, key.as_str().unwrap()]).unwrap_err();
    let statement = json(&run(&["statements", "list", id]).unwrap());
    assert_eq!((&statement["statement"]["net_minor"], &statement["name"]), (&json!(5), &Value::Null));
    let dumped = run(&["store", "dump"]).unwrap();
    assert!(dumped.contains(id) && !dumped.contains("Weekly"), "{dumped}");
    let mut told =
        dumped.lines().filter(|line| line.contains("IBAN")).map(|line| json(line)["table"].clone());
    assert!(told.all(|table| table == "payouts"), "where money went stays, and nothing else: {dumped}");
    assert!(dumped.contains("IBAN 9"), "{dumped}");
    // Nobody is owed anything.
    let other = run(&["publishers", "list"]).unwrap();
    let other = json(other.lines().next().unwrap())["id"].as_str().unwrap().to_owned();
    let erased = json(&run(&["publishers", "erase", &other, "--confirm", &other]).unwrap());
    assert_eq!(erased["owed"], "nothing");
    assert!(run(&["store", "check"]).unwrap().contains("adds up"));
}
