//! The issuer's store is moved while it sells.

use farthing_tests::{Order, PACK, key_of};

use super::*;
use crate::on_redis;

/// Orders at each stage, and vouchers.
fn an_issuer_moves(world: &World) {
    let issuer = world.serve(Program::Issuer).unwrap();
    let redeemer = world.serve(Program::Redeemer).unwrap();
    let vouchers = world.vouchers(PACK, 2).unwrap();
    let singles = world.vouchers("single", 4).unwrap();
    let url = issuer.url();
    world.reader("early").buy(&issuer, &redeemer, &vouchers[0]).unwrap();
    let mut unpaid = Order::make(&url, "single").unwrap();
    let mut paid = Order::paid(&url, "single", &singles[0]).unwrap();
    let mut bound = Order::paid(&url, "single", &singles[1]).unwrap();
    let key = key_of(&url, ONE_CENT).unwrap();
    let request = bound.request(&key, 1).unwrap();
    let answer = bound.send(&request).unwrap();
    let tokens = bound.tokens(&key, &request, &answer).unwrap();

    let _server = new_place(world, Program::Issuer);
    let told = migrate(world, Program::Issuer);
    assert!(told[1].contains("is complete at"), "{told:?}");
    assert_eq!(bound.send(&request).unwrap().status, 503);
    issuer.stop().unwrap();
    assert_refuses_to_start(world, Program::Issuer);
    take_new(world, Program::Issuer);
    let issuer = world.serve(Program::Issuer).unwrap();
    let url = issuer.url();
    for order in [&mut unpaid, &mut paid, &mut bound] {
        order.ask_at(&url);
    }

    let repeated = bound.send(&request).unwrap();
    assert_eq!(
        bound.tokens(&key, &request, &repeated).unwrap(),
        tokens,
        "the same request gets the same tokens"
    );
    let other = bound.request(&key, 1).unwrap();
    assert_eq!(bound.send(&other).unwrap().status, 409, "another gets none");
    let request = paid.request(&key, 1).unwrap();
    assert_eq!(paid.send(&request).unwrap().status, 200);
    for used in &singles[..2] {
        assert_ne!(unpaid.pay(used).unwrap().status, 200, "a voucher pays once");
    }
    assert_eq!(unpaid.pay(&singles[2]).unwrap().status, 200);
    assert_eq!(unpaid.state().unwrap(), "paid");
    assert!(world.reader("thief").buy(&issuer, &redeemer, &vouchers[0]).is_err());
    world.reader("late").buy(&issuer, &redeemer, &vouchers[1]).unwrap();
    assert_in_order(world, Program::Issuer);
}

#[test]
fn an_issuer_moves_from_the_embedded_store_to_redis() {
    an_issuer_moves(&world());
}

#[test]
fn an_issuer_moves_from_one_server_to_another() {
    an_issuer_moves(&on_redis());
}
