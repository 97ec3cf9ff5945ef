//! Moves that cannot be: each is refused in one line, and the service goes on.

use super::*;
use crate::on_redis;

fn refused(world: &World, arguments: &[&str]) -> String {
    let arguments = [&["store", "migrate", "--to", NEW][..], arguments].concat();
    let output = world.try_admin(Program::Redeemer, &arguments).unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{error}");
    let error: Vec<_> = error.lines().filter(|line| line.starts_with("farthing-redeemer: ")).collect();
    assert_eq!(error.len(), 1, "{error:?}");
    error[0].to_owned()
}

fn what_cannot_be_is_refused(world: &World) {
    let is_embedded = world.server(Program::Redeemer).is_none();
    let present = fs::read_to_string(world.configuration(Program::Redeemer)).unwrap();
    let redeemer = world.serve(Program::Redeemer).unwrap();
    assert!(refused(world, &[]).contains("new.toml"), "it is not there");
    let without: Vec<_> = present.lines().filter(|line| !line.starts_with("store = ")).collect();
    fs::write(world.path(NEW), without.join("\n")).unwrap();
    let error = refused(world, &[]);
    assert!(error.contains("new.toml") && error.contains("store"), "{error}");
    fs::copy(world.configuration(Program::Issuer), world.path(NEW)).unwrap();
    let error = refused(world, &[]);
    assert!(error.contains("new.toml"), "{error}");
    fs::write(world.path(NEW), &present).unwrap();
    let error = refused(world, &[]);
    let expected = if is_embedded { "names an embedded store" } else { "is where the store is" };
    assert!(error.contains(expected), "{error}");

    let server = new_place(world, Program::Redeemer);
    if is_embedded {
        let error = refused(world, &[]);
        assert!(error.contains("idempotency_secret") && error.contains("copy it to where"), "{error}");
        fs::write(world.path("redeemer.idempotency-secret"), "A".repeat(43)).unwrap();
        let error = refused(world, &[]);
        assert!(error.contains("idempotency_secret") && error.contains("is another"), "{error}");
        copy_secret(world);
    }
    let error = refused(world, &["--give-up"]);
    assert!(error.contains("nothing to give up"), "{error}");
    let wrong_usage = ["store", "migrate", "--to", NEW, "--new-store-lost"];
    assert_eq!(world.try_admin(Program::Redeemer, &wrong_usage).unwrap().status.code(), Some(2));
    drop(server);
    let error = refused(world, &[]);
    assert!(error.contains("cannot be used"), "{error}");
    world.publisher("it goes on").unwrap();
    redeemer.stop().unwrap();

    // A store with a gap is nothing to build on.
    world.admin(Program::Redeemer, &["store", "backup", "--output", "store.backup"]).unwrap();
    world.lose_store(Program::Redeemer).unwrap();
    world.admin(Program::Redeemer, &["store", "restore", "--input", "store.backup"]).unwrap();
    let _server = new_place(world, Program::Redeemer);
    let error = refused(world, &[]);
    assert!(error.contains("store close-gap"), "{error}");
    world.admin(Program::Redeemer, &["store", "close-gap", "--replayed"]).unwrap();
    migrate(world, Program::Redeemer);
    take_new(world, Program::Redeemer);
    assert_in_order(world, Program::Redeemer);
    let birth = world.dump(Program::Redeemer).unwrap().into_iter().find(|record| record["table"] == "birth");
    assert_eq!(birth.unwrap()["record"]["restores"][0]["closed"]["by"], "replayed");
}

#[test]
fn what_cannot_be_is_refused_of_an_embedded_store() {
    what_cannot_be_is_refused(&world());
}

#[test]
fn what_cannot_be_is_refused_of_a_store_on_redis() {
    what_cannot_be_is_refused(&on_redis());
}
