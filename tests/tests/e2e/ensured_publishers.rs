//! A publisher that a set-up makes sure of: with its API key in a file, as often as the set-up runs, wherever it died.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};

use farthing_tests::programs::Program;
use farthing_tests::{CRASH_VARIABLE, World, http};
use serde_json::Value;

use crate::{on_redis, world};

/// The steps of the command where no service runs.
const STEPS: &[&str] = &["publisher.key.saved", "publisher.before", "publisher.after"];

/// `publishers ensure`, ready to run.
fn ensuring(world: &World, name: &str, file: &str) -> Command {
    let mut command = world.command(Program::Redeemer);
    command.args(["publishers", "ensure", name, "--api-key-file", file, "--config"]);
    command.arg(world.configuration(Program::Redeemer));
    command
}

fn ensure(world: &World, name: &str, file: &str) -> Result<Value, String> {
    let output = ensuring(world, name, file).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() { Ok(serde_json::from_slice(&output.stdout).unwrap()) } else { Err(error) }
}

/// The publishers, each with how many API keys it has.
fn publishers(world: &World) -> Vec<(String, usize)> {
    let lines = world.admin(Program::Redeemer, &["publishers", "list"]).unwrap();
    let listed = lines.iter().map(|line| serde_json::from_str::<Value>(line).unwrap());
    listed
        .map(|one| (one["name"].as_str().unwrap().to_owned(), one["keys"].as_array().unwrap().len()))
        .collect()
}

/// What the redeemer answers to whoever shows the key in a file.
fn shown(world: &World, redeemer: &str, file: &str) -> u16 {
    let bearer = format!("Bearer {}", fs::read_to_string(world.path(file)).unwrap().trim());
    http::get(&format!("{redeemer}/v1/balance"), &[("Authorization", &bearer)]).unwrap().status
}

fn it_is_there_once_wherever_the_command_dies(world: &World) {
    for (number, step) in STEPS.iter().enumerate() {
        let (name, file) = (format!("Daily {number}"), format!("{number}.key"));
        let died = ensuring(world, &name, &file).env(CRASH_VARIABLE, step).output().unwrap();
        assert_eq!(died.status.signal(), Some(9), "{step}");
        let saved = fs::read(world.path(format!("{file}.new"))).unwrap();
        let first = ensure(world, &name, &file).unwrap();
        assert_eq!(ensure(world, &name, &file), Ok(first), "{step}");
        assert_eq!(fs::read(world.path(&file)).unwrap(), saved, "{step}: the key is the first");
        assert!(!world.path(format!("{file}.new")).exists(), "{step}");
    }
    let each_once: Vec<_> = (0..STEPS.len()).map(|number| (format!("Daily {number}"), 1)).collect();
    assert_eq!(publishers(world), each_once);

    // The running service does it as well, and takes the keys.
    let redeemer = world.serve(Program::Redeemer).unwrap();
    let first = ensure(world, "Daily 0", "0.key").unwrap();
    for number in 0..STEPS.len() {
        assert_eq!(shown(world, &redeemer.url(), &format!("{number}.key")), 200);
    }
    // A key that is lost is replaced, and the other stays in force.
    let another = ensure(world, "Daily 0", "another.key").unwrap();
    assert_eq!(first["id"], another["id"]);
    assert_ne!(first["key_id"], another["key_id"]);
    assert_eq!(publishers(world)[0], ("Daily 0".to_owned(), 2));
    for file in ["0.key", "another.key"] {
        assert_eq!(shown(world, &redeemer.url(), file), 200, "{file}");
    }
}

#[test]
fn a_publisher_is_there_once_wherever_the_command_dies() {
    it_is_there_once_wherever_the_command_dies(&world());
}

#[test]
fn a_publisher_is_there_once_wherever_the_command_dies_on_redis() {
    it_is_there_once_wherever_the_command_dies(&on_redis());
}

#[test]
fn what_is_somebody_elses_or_out_of_force_is_refused() {
    let world = world();
    let made = ensure(&world, "Daily", "daily.key").unwrap();
    let mode = fs::metadata(world.path("daily.key")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let error = ensure(&world, "Weekly", "daily.key").unwrap_err();
    let id = made["id"].as_str().unwrap();
    assert!(error.contains("called otherwise") && error.contains(id), "{error}");

    fs::write(world.path("wrong.key"), "fpk_hunter2\n").unwrap();
    let error = ensure(&world, "Daily", "wrong.key").unwrap_err();
    assert!(error.contains("wrong.key: this is no API key") && !error.contains("hunter2"), "{error}");
    let error = ensure(&world, "Daily", "nowhere/daily.key").unwrap_err();
    assert!(error.contains("cannot make nowhere/daily.key.new: "), "{error}");

    let ids = ["id", "key_id"].map(|member| made[member].as_str().unwrap());
    world.admin(Program::Redeemer, &["publishers", "keys", "revoke", ids[0], ids[1]]).unwrap();
    let error = ensure(&world, "Daily", "daily.key").unwrap_err();
    assert!(error.contains(&format!("{}, was revoked", ids[1])), "{error}");
    assert_eq!(publishers(&world), [("Daily".to_owned(), 1)], "a refusal changes nothing");

    // The set-up goes on running after the publisher was erased.
    world.admin(Program::Redeemer, &["publishers", "erase", ids[0], "--confirm", ids[0]]).unwrap();
    let error = ensure(&world, "Daily", "daily.key").unwrap_err();
    assert!(error.contains("no publisher's any more") && error.contains("remove the file"), "{error}");
    fs::remove_file(world.path("daily.key")).unwrap();
    assert_ne!(ensure(&world, "Daily", "daily.key").unwrap()["id"], made["id"]);
}

#[test]
fn set_ups_at_once_come_to_the_same() {
    let world = world();
    let _redeemer = world.serve(Program::Redeemer).unwrap();
    let running: Vec<_> = (0..6)
        .map(|_| {
            let mut command = ensuring(&world, "Daily", "daily.key");
            command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
        })
        .collect();
    for mut one in running {
        // Whoever meets another at the wrong moment is told to repeat.
        one.wait().unwrap();
    }
    let made = ensure(&world, "Daily", "daily.key").unwrap();
    assert_eq!(publishers(&world), [("Daily".to_owned(), 1)]);
    assert_eq!(ensure(&world, "Daily", "daily.key"), Ok(made));
}
