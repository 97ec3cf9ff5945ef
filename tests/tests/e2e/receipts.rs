//! What a publisher can prove with the answers that it kept, on a machine that has neither service nor configuration.

use std::path::Path;
use std::process::{Command, Output};

use farthing_protocol::{Day, SECONDS_PER_DAY};
use farthing_tests::programs::Program;
use farthing_tests::{ServiceProcess, http};

use crate::{BINARY, morning, world};

#[test]
fn kept_answers_prove_what_a_statement_must_credit() {
    let world = world();
    world.stop_clock(morning()).unwrap();
    let day = Day::from_unix(morning()).to_string();
    let (issuer, redeemer) = (world.serve(Program::Issuer).unwrap(), world.serve(Program::Redeemer).unwrap());
    let (reader, publisher) = (world.reader("reader"), world.publisher("Example").unwrap());
    reader.buy(&issuer, &redeemer, &world.voucher().unwrap()).unwrap();
    let tokens = reader.export(3).unwrap();
    let answers = [
        publisher.redeem(&redeemer.url(), "one", &tokens[..1]).unwrap(),
        publisher.redeem(&redeemer.url(), "two", &tokens[1..]).unwrap(),
        publisher.redeem(&redeemer.url(), "again", &tokens[1..]).unwrap(),
        publisher.earlier(&redeemer.url(), "two").unwrap(),
    ];
    assert_eq!(answers.each_ref().map(|answer| answer.status), [200, 200, 409, 200]);
    let jwks = http::get(&format!("{}/.well-known/jwks.json", redeemer.url()), &[]).unwrap().json();
    let key = jwks["keys"][0]["x"].as_str().unwrap();

    world.stop_clock(morning() + SECONDS_PER_DAY).unwrap();
    world.admin(Program::Redeemer, &["statements", "close", "--through", &day]).unwrap();
    let url = format!("{}/v1/statements/EUR.{day}", redeemer.url());
    let statement = http::get(&url, &[("Authorization", &publisher.bearer())]).unwrap().json().to_string();

    let elsewhere = tempfile::tempdir().unwrap();
    let kept = answers.map(|answer| answer.body.to_string()).join("\n");
    std::fs::write(elsewhere.path().join("answers"), &kept).unwrap();
    std::fs::write(elsewhere.path().join("statement"), statement).unwrap();
    let printed = verify(elsewhere.path(), &[key]);
    let lines = String::from_utf8(printed.stdout).unwrap();
    assert_eq!(printed.status.code(), Some(0), "{lines}");
    let (claim, summary) = lines.split_once('\n').unwrap();
    let claim: serde_json::Value = serde_json::from_str(claim).unwrap();
    assert_eq!((&claim["day"], &claim["receipts"], &claim["tokens"]), (&day.into(), &2.into(), &3.into()));
    assert_eq!((&claim["micros"], &claim["stated_micros"]), (&30_000.into(), &30_000.into()));
    assert_eq!(summary, "2 receipts are in order, 1 given again\n");

    let other = verify(elsewhere.path(), &["11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"]);
    let told = String::from_utf8(other.stdout).unwrap();
    assert_eq!(other.status.code(), Some(1));
    assert!(
        told.contains("answers: document 1 is no receipt that counts: it has no valid signature"),
        "{told}"
    );
    assert!(told.ends_with("\n0 receipts are in order\n"), "{told}");
}

/// Verifies the files `answers` and `statement` of a directory.
fn verify(directory: &Path, keys: &[&str]) -> Output {
    let mut command = Command::new(BINARY);
    command.current_dir(directory).args(["redeemer", "receipts", "verify"]);
    command.args(keys.iter().flat_map(|key| ["--key", key]));
    command.args(["--statement", "statement", "answers"]).output().unwrap()
}

#[test]
fn after_the_signing_key_was_replaced_what_both_signed_is_verified() {
    let world = world();
    world.stop_clock(morning()).unwrap();
    let day = Day::from_unix(morning()).to_string();
    let (issuer, redeemer) = (world.serve(Program::Issuer).unwrap(), world.serve(Program::Redeemer).unwrap());
    let (reader, publisher) = (world.reader("reader"), world.publisher("Example").unwrap());
    reader.buy(&issuer, &redeemer, &world.voucher().unwrap()).unwrap();
    let tokens = reader.export(3).unwrap();
    let published = |redeemer: &ServiceProcess| {
        http::get(&format!("{}/.well-known/jwks.json", redeemer.url()), &[]).unwrap().json()["keys"].clone()
    };
    let before = publisher.redeem(&redeemer.url(), "one", &tokens[..1]).unwrap();
    let old = published(&redeemer)[0]["x"].as_str().unwrap().to_owned();
    let url = redeemer.url();
    redeemer.stop().unwrap();

    // As the manual says: it is moved away, and `store init` makes another.
    std::fs::remove_file(world.path("data/redeemer.signing-key")).unwrap();
    world.admin(Program::Redeemer, &["store", "init"]).unwrap_err();
    let retired = format!("retired_signing_keys = [\"{old}\"]\n");
    world.write_configuration(Program::Redeemer, &retired).unwrap();
    let redeemer = world.serve_at(Program::Redeemer, &url).unwrap();
    let keys = published(&redeemer);
    assert_eq!((keys.as_array().unwrap().len(), keys[0].get("retired")), (2, None));
    assert_eq!((keys[1]["x"].as_str(), keys[1]["retired"].as_bool()), (Some(old.as_str()), Some(true)));
    let new = keys[0]["x"].as_str().unwrap();
    assert_ne!(new, old);

    let answers = [
        before,
        publisher.earlier(&redeemer.url(), "one").unwrap(),
        publisher.redeem(&redeemer.url(), "two", &tokens[1..]).unwrap(),
    ];
    world.stop_clock(morning() + SECONDS_PER_DAY).unwrap();
    world.admin(Program::Redeemer, &["statements", "close", "--through", &day]).unwrap();
    let url = format!("{}/v1/statements/EUR.{day}", redeemer.url());
    let statement = http::get(&url, &[("Authorization", &publisher.bearer())]).unwrap().json().to_string();
    let elsewhere = tempfile::tempdir().unwrap();
    let kept = answers.map(|answer| answer.body.to_string()).join("\n");
    std::fs::write(elsewhere.path().join("answers"), &kept).unwrap();
    std::fs::write(elsewhere.path().join("statement"), statement).unwrap();
    // The statement is by the new key, so by the old one alone no day is judged.
    let unjudged = format!(
        "1 receipts are in order\nNOT JUDGED, because no given statement is of their period: {day}; give theirs as well \
         (--statement again)\n"
    );
    for (keys, status, sum, summary) in [
        (&[new, &old][..], 0, "\"stated_micros\":30000", "2 receipts are in order, 1 given again\n"),
        // What the new one signed is told all the same.
        (&[new], 1, "\"stated_micros\":30000", "2 receipts are in order\n"),
        (&[&old], 1, "\"micros\":10000", &unjudged),
    ] {
        let verified = verify(elsewhere.path(), keys);
        let printed = String::from_utf8(verified.stdout).unwrap();
        assert_eq!(verified.status.code(), Some(status), "{printed}");
        assert!(printed.contains(sum) && printed.ends_with(summary), "{printed}");
    }
    reader.run(&["audit"]).unwrap().done().unwrap();
}
