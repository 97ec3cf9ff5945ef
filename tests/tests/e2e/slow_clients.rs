//! Clients that take their time, and what others notice of them.

use std::time::{Duration, Instant};

use farthing_tests::programs::Program;
use farthing_tests::{Order, PACK, http, key_of};

use crate::limits::serve;
use crate::misuse::slow_clients::SlowClients;
use crate::world;

#[test]
fn slow_clients_do_not_stop_others() {
    let world = world();
    // Longer than others have patience: nobody may be answered only because a slow client was given up.
    let tables =
        "[timeouts]\nrequest_head_seconds = 300\nrequest_body_seconds = 300\nkeep_alive_seconds = 300\n";
    let issuer = serve(&world, Program::Issuer, tables);
    let key = key_of(&issuer.url(), 10_000).unwrap();
    let voucher = world.voucher().unwrap();
    let mut slow = SlowClients::connect(&issuer.url(), 60);
    for _ in 0..10 {
        assert_eq!(http::get(&format!("{}/v1/packs", issuer.url()), &[]).unwrap().status, 200);
        slow.trickle();
    }
    let mut order = Order::paid(&issuer.url(), PACK, &voucher).unwrap();
    let request = order.request(&key, 100).unwrap();
    assert_eq!(order.send(&request).unwrap().status, 200);
}

#[test]
fn slow_clients_are_given_up() {
    let world = world();
    let tables = "[timeouts]\nrequest_head_seconds = 4\nrequest_body_seconds = 4\nkeep_alive_seconds = 4\n";
    let issuer = serve(&world, Program::Issuer, tables);
    let mut slow = SlowClients::connect(&issuer.url(), 60);
    slow.trickle();
    slow.assert_closed();
}

#[test]
fn connections_beyond_the_cap_wait_until_others_time_out() {
    let world = world();
    let tables =
        "[limits]\nconnections = 4\n\n[timeouts]\nrequest_head_seconds = 3\nrequest_body_seconds = 3\n";
    let issuer = serve(&world, Program::Issuer, tables);
    let begun = Instant::now();
    let slow = SlowClients::connect(&issuer.url(), 2);
    assert_eq!(http::get(&format!("{}/v1/packs", issuer.url()), &[]).unwrap().status, 200);
    assert!(begun.elapsed() > Duration::from_secs(2), "nobody waited: {:?}", begun.elapsed());
    slow.assert_closed();
    assert_eq!(http::get(&format!("{}/readyz", issuer.url()), &[]).unwrap().status, 200);
}
