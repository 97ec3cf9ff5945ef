//! What must not be anywhere: secrets and tokens in logs or in the wrong store, and links between the two services.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use farthing_tests::programs::Program;
use farthing_tests::{Order, Publisher, Reader, World, key_of};
use serde_json::Value;

use crate::collector::{Collector, Hours};
use crate::{on_redis, world};

/// Purchases of the search, ten tokens each.
const PURCHASES: usize = 50;
const PACK: &str = "big-10";
const FIVE_CENTS: u64 = 50_000;

/// Bytes that are found wherever eight of them in a row stand: as they are, in hexadecimal of either case, in base64, or as
/// Rust prints an array.
struct Secret {
    what: &'static str,
    bytes: Vec<u8>,
}

impl Secret {
    fn new(what: &'static str, bytes: impl AsRef<[u8]>) -> Self {
        Self { what, bytes: bytes.as_ref().to_vec() }
    }

    /// Whether any eight bytes in a row are in a haystack, in any of the forms.
    fn is_in(&self, haystack: &Haystack<'_>) -> bool {
        self.bytes.windows(8).any(|part| {
            let hexadecimal = HEXLOWER.encode(part);
            haystack.raw.contains(part)
                || haystack.text.contains(hexadecimal.as_bytes().first_chunk::<14>().unwrap().as_slice())
                || haystack.text.contains(&hexadecimal.to_uppercase().as_bytes()[..14])
                || haystack.text.contains(&format!("{part:?}").as_bytes()[..14])
        }) || (0..3).any(|skipped| {
            // base64 writes three bytes at a time, so a text of the bytes begins in one of three ways.
            let text = BASE64URL_NOPAD.encode(&self.bytes[skipped..]);
            text.as_bytes()[..text.len() - 2].windows(14).any(|part| haystack.text.contains(part))
        })
    }
}

/// Everything that stands anywhere in some bytes: eight bytes in a row, and fourteen characters in a row.
struct Haystack<'a> {
    raw: HashSet<&'a [u8]>,
    text: HashSet<&'a [u8]>,
}

impl<'a> Haystack<'a> {
    fn of(bytes: &'a [u8]) -> Self {
        Self { raw: bytes.windows(8).collect(), text: bytes.windows(14).collect() }
    }
}

#[track_caller]
fn assert_absent<'a>(place: &str, bytes: &[u8], secrets: impl IntoIterator<Item = &'a Secret>) {
    let haystack = Haystack::of(bytes);
    for secret in secrets {
        assert!(!secret.is_in(&haystack), "{place} holds {}", secret.what);
    }
}

/// All that a service's store has on disk: the database file, or Redis's log.
fn store(world: &World, program: Program) -> Vec<u8> {
    match world.server(program) {
        None => fs::read(world.path(format!("data/{}.db", program.argument()))).unwrap(),
        Some(server) => {
            let files = fs::read_dir(server.directory().join("appendonlydir")).unwrap();
            files.flat_map(|file| fs::read(file.unwrap().path()).unwrap()).collect()
        }
    }
}

/// What many purchases and redemptions know that should not be known elsewhere.
struct Known {
    tokens: Vec<Secret>,
    marks: Vec<Secret>,
    nonces: Vec<Secret>,
    requests: Vec<Secret>,
    claims: Vec<Secret>,
    orders: Vec<Secret>,
    vouchers: Vec<Secret>,
}

/// Buys and redeems, byte by byte, with the mistakes that are logged most readily.
fn purchases(world: &World, issuer: &str, redeemer: &str, publisher: &Publisher) -> Known {
    let mut known = Known {
        tokens: Vec::new(),
        marks: Vec::new(),
        nonces: Vec::new(),
        requests: Vec::new(),
        claims: Vec::new(),
        orders: Vec::new(),
        vouchers: Vec::new(),
    };
    let key = key_of(issuer, FIVE_CENTS).unwrap();
    for (number, voucher) in
        world.vouchers(PACK, u32::try_from(PURCHASES).unwrap()).unwrap().iter().enumerate()
    {
        let mut order = Order::paid(issuer, PACK, voucher).unwrap();
        let request = order.request(&key, 10).unwrap();
        order.send(&request[..100]).unwrap();
        order.pay("00000-00000").unwrap();
        let answer = order.send(&request).unwrap();
        let tokens = order.tokens(&key, &request, &answer).unwrap();
        for idempotency_key in [format!("article-about-{number}"), format!("once-more-{number}")] {
            publisher.redeem(redeemer, &idempotency_key, &tokens).unwrap();
        }
        for token in &tokens {
            let bytes = BASE64URL_NOPAD.decode(token.as_bytes()).unwrap();
            // Challenge digest and key id are public; nonce and authenticator are the token's own.
            known.nonces.push(Secret::new("a nonce", &bytes[2..34]));
            known.marks.push(Secret::new("a mark", &bytes[98..114]));
            known.tokens.push(Secret::new("an authenticator", &bytes[98..162]));
        }
        let claim = order.bearer().trim_start_matches("Bearer ").to_owned();
        known.requests.push(Secret::new("blinded elements", &request[5..]));
        known.requests.push(Secret::new("evaluated elements", &answer.body[2..]));
        known.claims.push(Secret::new("a claim secret", BASE64URL_NOPAD.decode(claim.as_bytes()).unwrap()));
        known.orders.push(Secret::new("an order id", BASE64URL_NOPAD.decode(order.id.as_bytes()).unwrap()));
        known.vouchers.push(Secret::new("a voucher's code", voucher.as_bytes()));
    }
    publisher.redeem(redeemer, "malformed", &["AAAA".to_owned()]).unwrap();
    known
}

fn nothing_links_a_purchase_to_a_redemption(world: &World) {
    let collectors = [Collector::start(), Collector::start()];
    collectors[0].configure(world, Program::Issuer);
    collectors[1].configure(world, Program::Redeemer);
    let mut hours = Hours::start(world);
    let (issuer, redeemer) = (world.serve(Program::Issuer).unwrap(), world.serve(Program::Redeemer).unwrap());
    let publisher = world.publisher("Example").unwrap();
    // Traces are of whole hours: not of the one of the start.
    hours.next();
    let known = purchases(world, &issuer.url(), &redeemer.url(), &publisher);
    let reader = world.reader("reader");
    let voucher = world.voucher().unwrap();
    reader.run(&Reader::buying(&issuer.url(), &redeemer.url(), &voucher)).unwrap().done().unwrap();
    let scraped = [&issuer, &redeemer].map(|service| {
        let log = fs::read_to_string(service.log()).unwrap();
        let address = log.split("metrics=").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
        farthing_tests::http::get(&format!("http://{address}/metrics"), &[]).unwrap().body
    });
    hours.next();
    collectors[0].wait_for(&[
        ("POST /token-request 2xx", PURCHASES),
        ("POST /token-request 4xx", PURCHASES),
        ("POST /v1/orders 2xx", PURCHASES),
        ("POST /v1/orders/{id}/voucher 2xx", PURCHASES),
        ("POST /v1/orders/{id}/voucher 4xx", PURCHASES),
    ]);
    collectors[1]
        .wait_for(&[("POST /v1/redemptions 2xx", PURCHASES), ("POST /v1/redemptions 4xx", PURCHASES)]);
    let traces = collectors.each_ref().map(Collector::bytes);
    drop((issuer, redeemer));

    let api_key = publisher.api_key.trim_start_matches("fpk_");
    let api_key = [Secret::new("an API key", BASE64URL_NOPAD.decode(api_key.as_bytes()).unwrap())];
    let publisher_id = [Secret::new("a publisher", BASE64URL_NOPAD.decode(publisher.id.as_bytes()).unwrap())];
    let names = [Secret::new("an Idempotency-Key", "article-about-"), Secret::new("another", "once-more-")];
    let secret_keys: Vec<_> = secret_keys(&world.path("data/keys"));
    let Known { tokens, marks, nonces, requests, claims, orders, vouchers } = &known;

    // The search sees what is there.
    let (of_issuer, of_redeemer) = (store(world, Program::Issuer), store(world, Program::Redeemer));
    assert!(orders.iter().all(|order| order.is_in(&Haystack::of(&of_issuer))), "blind in the issuer's store");
    let haystack = Haystack::of(&of_redeemer);
    assert!(marks.iter().all(|mark| mark.is_in(&haystack)), "blind in the redeemer's store");

    // Neither store, log, metric nor trace of one side holds what only the other knows, nor what neither should keep.
    let of_redemptions = || tokens.iter().chain(nonces).chain(&publisher_id).chain(&api_key).chain(&names);
    let of_purchases = || requests.iter().chain(claims).chain(orders).chain(vouchers);
    assert_absent(
        "the issuer's store",
        &of_issuer,
        of_redemptions().chain(requests).chain(claims).chain(vouchers),
    );
    assert_absent(
        "the redeemer's store",
        &of_redeemer,
        of_purchases().chain(nonces).chain(&api_key).chain(&names),
    );
    for bytes in [&of_issuer, &of_redeemer] {
        assert_absent("a store", bytes, &secret_keys);
    }
    let logs = ["issuer.log", "redeemer.log"].map(|log| fs::read(world.path(log)).unwrap());
    for bytes in logs.iter().chain(&scraped).chain(&traces) {
        assert_absent(
            "a log, metric or trace",
            bytes,
            of_redemptions().chain(of_purchases()).chain(&secret_keys),
        );
    }
    for log in &logs {
        let lines = String::from_utf8_lossy(log);
        // The addresses that it listens on are its own; no other line has one.
        let others: String =
            lines.lines().filter(|line| !line.contains("listening") && !line.contains("stopped")).collect();
        assert!(!others.contains("127.0.0.1:"), "a log holds an address");
    }
    // And the wallet's file is encrypted.
    let code = [Secret::new("a voucher's code", voucher.as_bytes())];
    assert_absent("the wallet", &fs::read(world.path("reader.wallet")).unwrap(), &code);
}

#[test]
fn nothing_links_a_purchase_to_a_redemption_on_the_embedded_store() {
    nothing_links_a_purchase_to_a_redemption(&world());
}

#[test]
fn nothing_links_a_purchase_to_a_redemption_on_redis() {
    nothing_links_a_purchase_to_a_redemption(&on_redis());
}

/// The secret scalars in the keyring's files.
fn secret_keys(directory: &Path) -> Vec<Secret> {
    let files =
        fs::read_dir(directory).unwrap().map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap());
    let secrets: Vec<_> = files
        .filter_map(|text| {
            let line = text.lines().find(|line| line.starts_with("secret_key"))?.to_owned();
            let text = line.split('"').nth(1)?.trim_end_matches('=').to_owned();
            Some(Secret::new("a token key", BASE64URL_NOPAD.decode(text.as_bytes()).unwrap()))
        })
        .collect();
    assert!(!secrets.is_empty());
    secrets
}

#[test]
fn stored_times_are_days_and_hours() {
    let world = world();
    let (issuer, redeemer) = (world.serve(Program::Issuer).unwrap(), world.serve(Program::Redeemer).unwrap());
    let (reader, publisher) = (world.reader("reader"), world.publisher("Example").unwrap());
    reader.buy(&issuer, &redeemer, &world.voucher().unwrap()).unwrap();
    publisher.redeem(&redeemer.url(), "a", &reader.export(1).unwrap()).unwrap();
    for (program, granularity) in [(Program::Issuer, 86_400), (Program::Redeemer, 3_600)] {
        for record in world.dump(program).unwrap().iter().filter(|record| record["table"] != "birth") {
            let mut numbers = Vec::new();
            collect_numbers(&record["record"], &mut numbers);
            // A unix second of our century is told from a count by its size.
            for second in numbers.into_iter().filter(|number| *number > 1_000_000_000) {
                assert_eq!(second % granularity, 0, "{record}");
            }
        }
    }
}

fn collect_numbers(value: &Value, found: &mut Vec<u64>) {
    match value {
        Value::Number(number) => found.extend(number.as_u64()),
        Value::Array(values) => values.iter().for_each(|value| collect_numbers(value, found)),
        Value::Object(members) => members.values().for_each(|value| collect_numbers(value, found)),
        _ => {}
    }
}
