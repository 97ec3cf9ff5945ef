//! What the services refuse to do too much of, against running processes.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use data_encoding::BASE64URL_NOPAD;
use farthing_tests::http::{self, Answer};
use farthing_tests::programs::Program;
use farthing_tests::{Order, PACK, ServiceProcess, World, key_of};
use serde_json::json;

use crate::{on_redis, world};

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;
const CENT: u64 = 10_000;
/// Longest wait for what must happen soon.
const PATIENCE: Duration = Duration::from_secs(20);

/// The pack of every world, after other tables of the issuer's configuration.
fn with_pack(tables: &str) -> String {
    format!(
        "{tables}\n[[pack]]\nid = \"{PACK}\"\ntitle = \"{PACK}\"\ncount = 100\nvalue_micros = {CENT}\n\
         currency = \"EUR\"\nprice_minor = 100\n"
    )
}

/// Starts a service whose configuration has these tables.
pub(crate) fn serve(world: &World, program: Program, tables: &str) -> ServiceProcess {
    let rest = if program == Program::Issuer { with_pack(tables) } else { tables.to_owned() };
    world.write_configuration(program, &rest).unwrap();
    world.serve(program).unwrap()
}

/// Sets the world's clock to a minute after the beginning of an hour, so that no test runs into the next; by how many
/// seconds it is ahead then.
pub(crate) fn begin_an_hour(world: &World) -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let ahead = HOUR - i64::try_from(now).unwrap() % HOUR + 60;
    world.move_clock(ahead).unwrap();
    ahead
}

#[track_caller]
fn assert_refused(answer: &Answer, status: u16, kind: &str, longest_wait: u64) {
    assert_eq!((answer.status, answer.problem()), (status, kind.to_owned()), "{}", answer.json());
    let wait: u64 = answer.header("retry-after").parse().unwrap();
    assert!((1..=longest_wait).contains(&wait), "{wait}");
}

#[test]
fn an_address_that_asks_too_much_is_told_to_wait() {
    let world = world();
    let tables = "[limits]\nrequests_per_minute = 1\nrequests_burst = 5\ntrusted_proxies = [\"127.0.0.1\"]\n";
    for (program, path) in [(Program::Issuer, "/v1/packs"), (Program::Redeemer, "/v1/keys")] {
        let service = serve(&world, program, tables);
        let ask = |path: &str, forwarded: &str| {
            http::get(&format!("{}{path}", service.url()), &[("X-Forwarded-For", forwarded)]).unwrap()
        };
        for _ in 0..5 {
            assert_eq!(ask(path, "198.51.100.1, 203.0.113.77").status, 200);
        }
        for path in [path, "/nothing"] {
            let refused = ask(path, "198.51.100.2, 203.0.113.77");
            assert_refused(&refused, 429, "too-many-requests", 60);
            assert_eq!(refused.header("cache-control"), "no-store");
            assert_eq!(refused.header("x-content-type-options"), "nosniff");
        }
        assert_eq!(ask(path, "203.0.113.78").status, 200, "another address");
        for path in ["/healthz", "/readyz"] {
            assert_eq!(ask(path, "203.0.113.77").status, 200);
        }
        for _ in 0..20 {
            let own = http::get(&format!("{}{path}", service.url()), &[]).unwrap();
            assert_eq!(own.status, 200, "this machine is not limited");
        }
        let log = fs::read_to_string(service.log()).unwrap();
        let metrics = log.split("metrics=").nth(1).unwrap().split_whitespace().next().unwrap();
        let scraped = http::get(&format!("http://{metrics}/metrics"), &[]).unwrap();
        for place in [log.as_bytes(), &scraped.body] {
            assert!(!place.windows(9).any(|bytes| bytes == b"203.0.113" || bytes == b"198.51.10"));
        }
    }
}

#[test]
fn without_a_trusted_proxy_this_machine_is_not_limited() {
    let world = world();
    let issuer = serve(&world, Program::Issuer, "[limits]\nrequests_per_minute = 1\nrequests_burst = 1\n");
    for _ in 0..20 {
        let url = format!("{}/v1/packs", issuer.url());
        assert_eq!(http::get(&url, &[("X-Forwarded-For", "203.0.113.77")]).unwrap().status, 200);
    }
}

/// Asks for an order under a claim that nobody has.
fn ask_for_order(issuer: &str) -> Answer {
    let mut claim = [0; 32];
    getrandom::fill(&mut claim).unwrap();
    let body = json!({"pack": PACK, "method": "voucher", "claim": BASE64URL_NOPAD.encode(&claim)});
    http::post_json(&format!("{issuer}/v1/orders"), &[], &body).unwrap()
}

fn only_so_many_orders_wait_for_payment(world: &World) {
    let tables = "[limits]\npending_orders = 3\n";
    let issuer = serve(world, Program::Issuer, tables);
    let url = issuer.url();
    let orders: Vec<Order> = (0..3).map(|_| Order::make(&issuer.url(), PACK).unwrap()).collect();
    assert_refused(&ask_for_order(&issuer.url()), 503, "too-many-orders", 3_600);
    assert_eq!(orders[0].pay(&world.voucher().unwrap()).unwrap().status, 200);
    let late = Order::make(&issuer.url(), PACK).unwrap();
    assert_refused(&ask_for_order(&issuer.url()), 503, "too-many-orders", 3_600);
    let log = fs::read_to_string(issuer.log()).unwrap();
    assert_eq!(log.matches("orders are refused").count(), 1, "one line an hour");
    issuer.kill().unwrap();

    let issuer = world.serve_at(Program::Issuer, &url).unwrap();
    assert_refused(&ask_for_order(&issuer.url()), 503, "too-many-orders", 3_600);
    issuer.stop().unwrap();
    world.move_clock(4 * DAY).unwrap();
    let issuer = world.serve_at(Program::Issuer, &url).unwrap();
    assert_eq!(late.state().unwrap(), "expired");
    assert_eq!(ask_for_order(&issuer.url()).status, 201, "expired orders wait for nothing");
    issuer.stop().unwrap();
    world.move_clock(12 * DAY).unwrap();
    let _issuer = world.serve_at(Program::Issuer, &url).unwrap();
    let deadline = Instant::now() + PATIENCE;
    while late.state().unwrap() == "expired" {
        assert!(Instant::now() < deadline, "the expired order is still there");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(late.state().unwrap(), "", "it is gone");
    let records = format!("{:?}", world.dump(Program::Issuer).unwrap());
    assert!(!records.contains(&late.id));
    assert_eq!(orders[0].state().unwrap(), "paid", "what was paid is kept");
}

#[test]
fn only_so_many_orders_wait_for_payment_embedded() {
    only_so_many_orders_wait_for_payment(&world());
}

#[test]
fn only_so_many_orders_wait_for_payment_redis() {
    only_so_many_orders_wait_for_payment(&on_redis());
}

#[test]
fn a_token_request_is_repeated_ten_times_an_hour() {
    let world = world();
    let ahead = begin_an_hour(&world);
    let issuer = world.serve(Program::Issuer).unwrap();
    let key = key_of(&issuer.url(), CENT).unwrap();
    let vouchers = world.vouchers(PACK, 2).unwrap();
    let mut order = Order::paid(&issuer.url(), PACK, &vouchers[0]).unwrap();
    let mut other = Order::paid(&issuer.url(), PACK, &vouchers[1]).unwrap();
    let request = order.request(&key, 100).unwrap();
    let first = order.send(&request).unwrap();
    assert_eq!(first.status, 200);
    for _ in 0..10 {
        let again = order.send(&request).unwrap();
        assert_eq!(again.status, 200);
        assert_eq!(
            order.tokens(&key, &request, &again).unwrap(),
            order.tokens(&key, &request, &first).unwrap()
        );
    }
    assert_refused(&order.send(&request).unwrap(), 429, "too-many-repetitions", 3_600);
    assert_refused(&order.send(&[]).unwrap(), 429, "too-many-repetitions", 3_600);
    assert_eq!(order.state().unwrap(), "issued", "it can be looked at all the same");
    let request_of_other = other.request(&key, 100).unwrap();
    assert_eq!(other.send(&request_of_other).unwrap().status, 200);
    world.move_clock(ahead + HOUR).unwrap();
    assert_eq!(order.send(&request).unwrap().status, 200);
}

#[test]
fn a_stranger_is_refused_before_the_body_of_a_token_request_is_read() {
    let world = world();
    let issuer = world.serve(Program::Issuer).unwrap();
    let mut stream = TcpStream::connect(issuer.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let head = format!(
        "POST /token-request HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {}\r\nContent-Length: 320000\r\n\
         Content-Type: application/private-token-amortized-batch-request\r\n\r\n",
        BASE64URL_NOPAD.encode(&[1; 32])
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 401");
}

#[test]
fn invalid_tokens_beyond_the_budget_are_not_looked_at() {
    let world = world();
    let ahead = begin_an_hour(&world);
    let issuer = world.serve(Program::Issuer).unwrap();
    let redeemer = serve(&world, Program::Redeemer, "[limits]\ninvalid_tokens_per_hour = 5\n");
    let (publisher, other) = (world.publisher("Daily").unwrap(), world.publisher("Weekly").unwrap());
    let key = key_of(&issuer.url(), CENT).unwrap();
    let mut order = Order::paid(&issuer.url(), PACK, &world.voucher().unwrap()).unwrap();
    let request = order.request(&key, 100).unwrap();
    let tokens = order.tokens(&key, &request, &order.send(&request).unwrap()).unwrap();
    let forged: Vec<String> = tokens[50..53]
        .iter()
        .map(|token| {
            let mut bytes = BASE64URL_NOPAD.decode(token.as_bytes()).unwrap();
            bytes[161] ^= 1;
            BASE64URL_NOPAD.encode(&bytes)
        })
        .collect();
    let url = redeemer.url();
    assert_eq!(publisher.redeem(&url, "good", &tokens[..1]).unwrap().status, 200);
    for key in ["a", "b"] {
        let refused = publisher.redeem(&url, key, &forged).unwrap();
        assert_eq!((refused.status, &refused.body["results"][0]), (409, &json!("invalid")));
    }
    for tokens in [&forged[..], &tokens[1..2]] {
        let refused = publisher.redeem(&url, "c", tokens).unwrap();
        let kind = "urn:farthing:problem:too-many-invalid-tokens";
        assert_eq!((refused.status, &refused.body["type"]), (429, &json!(kind)));
    }
    let replayed = publisher.redeem(&url, "good", &tokens[..1]).unwrap();
    assert_eq!(
        (replayed.status, &replayed.body["replayed"]),
        (200, &json!(true)),
        "what was answered stays so"
    );
    assert_eq!(other.redeem(&url, "c", &tokens[2..3]).unwrap().status, 200, "another publisher's");
    world.move_clock(ahead + HOUR).unwrap();
    assert_eq!(publisher.redeem(&url, "c", &tokens[1..2]).unwrap().status, 200, "nothing was burnt");
}
