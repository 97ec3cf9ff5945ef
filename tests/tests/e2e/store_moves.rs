//! The way from one kind of store to the other, with the services stopped.

use std::fs;

use farthing_service::redis::test_server::TestServer;
use farthing_tests::programs::Program;
use farthing_tests::store_fixture::Kind;
use farthing_tests::{PACK, World};
use serde_json::json;

use crate::backups::{assert_in_order, results};
use crate::{on_redis, world};

fn stores_move_to_the_other_kind(world: &World, kind: Kind) {
    let (issuer, redeemer) = (world.serve(Program::Issuer).unwrap(), world.serve(Program::Redeemer).unwrap());
    let reader = world.reader("reader");
    let vouchers = world.vouchers(PACK, 2).unwrap();
    reader.buy(&issuer, &redeemer, &vouchers[0]).unwrap();
    let unpaid = farthing_tests::Order::make(&issuer.url(), "single").unwrap();
    let publisher = world.publisher("Example").unwrap();
    let (spent, unspent) = (reader.export(5).unwrap(), reader.export(2).unwrap());
    let answer = publisher.redeem(&redeemer.url(), "article", &spent).unwrap();
    assert_eq!(answer.status, 200);
    let credit = publisher.credit_micros(&redeemer.url()).unwrap();
    issuer.stop().unwrap();
    redeemer.stop().unwrap();

    let mut servers = Vec::new();
    for program in [Program::Issuer, Program::Redeemer] {
        let file = format!("{}.backup", program.argument());
        world.admin(program, &["store", "backup", "--output", &file]).unwrap();
        servers.extend(use_other_kind(world, program, kind));
        let printed = world.admin(program, &["store", "restore", "--input", &file]).unwrap();
        assert!(printed[1].contains("--replayed"), "{printed:?}");
        world.admin(program, &["store", "close-gap", "--replayed"]).unwrap();
        assert_in_order(world, program);
    }
    let (issuer, redeemer) = (world.serve(Program::Issuer).unwrap(), world.serve(Program::Redeemer).unwrap());
    let url = redeemer.url();
    assert_eq!(publisher.credit_micros(&url).unwrap(), credit);
    let repeated = publisher.redeem(&url, "article", &spent).unwrap();
    assert!(repeated.status == 200 && repeated.answer().unwrap().replayed, "{}", repeated.body);
    assert_eq!(results(&publisher, &url, "again", &spent), json!(vec!["spent"; 5]));
    assert_eq!(results(&publisher, &url, "more", &unspent), json!(["accepted", "accepted"]));
    assert!(world.reader("thief").buy(&issuer, &redeemer, &vouchers[0]).is_err());
    world.reader("new").buy(&issuer, &redeemer, &vouchers[1]).unwrap();
    let single = world.vouchers("single", 1).unwrap();
    let unpaid = farthing_tests::Order::known(&issuer.url(), &unpaid.id, *unpaid.secret());
    assert_eq!(unpaid.pay(&single[0]).unwrap().status, 200);
    assert!(world.publisher("Other").is_ok() && world.publisher("Example").is_err());
    for program in [Program::Issuer, Program::Redeemer] {
        assert_in_order(world, program);
    }
}

/// Puts another table `store` into a service's configuration.
pub fn use_store(world: &World, program: Program, table: &str) {
    let file = world.configuration(program);
    let text = fs::read_to_string(&file).unwrap();
    let store = format!("store = {table}");
    let lines = text.lines().map(|line| if line.starts_with("store = ") { store.as_str() } else { line });
    fs::write(&file, lines.collect::<Vec<_>>().join("\n")).unwrap();
}

/// Changes the configuration of a service to an empty store of the other kind; its server, if it has one.
fn use_other_kind(world: &World, program: Program, kind: Kind) -> Option<TestServer> {
    let server = (kind == Kind::Embedded).then(|| TestServer::start().unwrap());
    let store = match &server {
        Some(server) => format!("{{ kind = \"redis\", url = \"{}\" }}", server.url()),
        None => format!("{{ kind = \"embedded\", path = \"data/moved-{}.db\" }}", program.argument()),
    };
    use_store(world, program, &store);
    if server.is_none() && program == Program::Redeemer {
        // Secrets that the configuration does not name lie beside the store.
        fs::copy(
            world.path("redeemer.idempotency-secret"),
            world.path("data/moved-redeemer.idempotency-secret"),
        )
        .unwrap();
    } else if program == Program::Redeemer {
        fs::copy(world.path("data/redeemer.idempotency-secret"), world.path("redeemer.idempotency-secret"))
            .unwrap();
    }
    server
}

#[test]
fn stores_move_to_redis() {
    stores_move_to_the_other_kind(&world(), Kind::Embedded);
}

#[test]
fn stores_move_to_the_embedded_kind() {
    stores_move_to_the_other_kind(&on_redis(), Kind::Redis);
}
