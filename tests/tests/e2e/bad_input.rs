//! The table of bad requests, against processes of the harness.

use farthing_tests::World;
use farthing_tests::programs::Program;

use crate::misuse::bad_input::{self, Services};
use crate::{on_redis, world};

fn every_bad_request_is_named(world: &World) {
    let (issuer, redeemer) = (world.serve(Program::Issuer).unwrap(), world.serve(Program::Redeemer).unwrap());
    let publisher = world.publisher("Example").unwrap();
    bad_input::check(&Services {
        issuer: &issuer.url(),
        redeemer: &redeemer.url(),
        vouchers: [world.voucher().unwrap(), world.voucher().unwrap()],
        publisher: &publisher,
    });
}

#[test]
fn every_bad_request_is_named_on_the_embedded_store() {
    every_bad_request_is_named(&world());
}

#[test]
fn every_bad_request_is_named_on_redis() {
    every_bad_request_is_named(&on_redis());
}
