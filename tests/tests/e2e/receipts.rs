//! What a publisher can prove with the answers that it kept, on a machine that has neither service nor configuration.

use std::process::Command;

use farthing_protocol::{Day, SECONDS_PER_DAY};
use farthing_tests::http;
use farthing_tests::programs::Program;

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
    let verify = |key: &str| {
        let mut command = Command::new(BINARY);
        command.current_dir(elsewhere.path()).args(["redeemer", "receipts", "verify", "--key", key]);
        command.args(["--statement", "statement", "answers"]).output().unwrap()
    };
    let printed = verify(key);
    let lines = String::from_utf8(printed.stdout).unwrap();
    assert_eq!(printed.status.code(), Some(0), "{lines}");
    let (claim, summary) = lines.split_once('\n').unwrap();
    let claim: serde_json::Value = serde_json::from_str(claim).unwrap();
    assert_eq!((&claim["day"], &claim["receipts"], &claim["tokens"]), (&day.into(), &2.into(), &3.into()));
    assert_eq!((&claim["micros"], &claim["stated_micros"]), (&30_000.into(), &30_000.into()));
    assert_eq!(summary, "2 receipts are in order, 1 given again\n");

    let other = verify("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
    let error = String::from_utf8(other.stderr).unwrap();
    assert_eq!(other.status.code(), Some(1));
    assert!(error.contains("it has no valid signature by the pinned key"), "{error}");
}
