//! What a later release wrote is refused, in one line that says what it is and what to do.

use std::fs;
use std::os::unix::fs::FileExt;

use farthing_tests::http::{self, Answer};
use farthing_tests::programs::Program;
use farthing_tests::store_fixture::{Expected, Kind};
use farthing_tests::{Crashed, ServiceProcess, World};
use redb::{ReadableDatabase, ReadableTable, TableDefinition};
use serde_json::json;

use crate::BINARY;
use crate::upgrades::present;

/// Where a record's version is on Redis.
enum Place {
    /// A string with the record.
    Whole,
    /// Every field of a hash is a record.
    Fields,
    /// One field of each hash: a record, or a version.
    Field(&'static str),
}

/// Who meets the record first.
enum Met {
    AtStart,
    By(fn(&Expected, &str) -> Answer),
}

struct Case {
    program: Program,
    kind: &'static str,
    table: &'static str,
    keys: &'static str,
    place: Place,
    met: Met,
}

const fn case(
    program: Program,
    kind: &'static str,
    table: &'static str,
    keys: &'static str,
    place: Place,
    met: Met,
) -> Case {
    Case { program, kind, table, keys, place, met }
}

const CASES: &[Case] = &[
    case(Program::Issuer, "birth", "birth", "birth", Place::Whole, Met::AtStart),
    case(Program::Issuer, "pinned key", "pinned-keys", "pinned-keys", Place::Fields, Met::AtStart),
    case(Program::Issuer, "order", "orders", "orders:*", Place::Field("record"), Met::By(order)),
    case(Program::Issuer, "voucher", "vouchers", "vouchers:*", Place::Field("record"), Met::By(pay)),
    case(
        Program::Issuer,
        "issued total",
        "issued-totals",
        "issued-total:*",
        Place::Field("version"),
        Met::By(totals),
    ),
    case(Program::Redeemer, "birth", "birth", "birth", Place::Whole, Met::AtStart),
    case(Program::Redeemer, "pinned key", "pinned-keys", "pinned-keys", Place::Fields, Met::AtStart),
    case(Program::Redeemer, "publisher", "publishers", "publishers", Place::Fields, Met::By(balance)),
    case(
        Program::Redeemer,
        "spent set",
        "spent-sets",
        "spent-set:*",
        Place::Field("version"),
        Met::By(redeem),
    ),
    case(Program::Redeemer, "credit", "credits", "credits:*", Place::Field("version"), Met::By(balance)),
    case(Program::Redeemer, "adjustment", "adjustments", "adjustments:*", Place::Fields, Met::By(balance)),
    case(Program::Redeemer, "statement", "statements", "statements:*", Place::Fields, Met::By(statements)),
    case(Program::Redeemer, "payout", "payouts", "payouts:*", Place::Fields, Met::By(payouts)),
    case(
        Program::Redeemer,
        "kept answer",
        "kept-answers",
        "kept-answers:*",
        Place::Field("record"),
        Met::By(repeat),
    ),
    case(
        Program::Redeemer,
        "redeemed total",
        "redeemed-totals",
        "redeemed-total:*",
        Place::Field("version"),
        Met::By(totals),
    ),
];

fn order(expected: &Expected, issuer: &str) -> Answer {
    let bearer = expected.paid.order(issuer).bearer();
    http::get(&format!("{issuer}/v1/order"), &[("Authorization", &bearer)]).unwrap()
}

fn pay(expected: &Expected, issuer: &str) -> Answer {
    expected.pending.order(issuer).pay(&expected.vouchers.unused_single).unwrap()
}

fn totals(_: &Expected, service: &str) -> Answer {
    http::get(&format!("{service}/v1/totals"), &[]).unwrap()
}

fn balance(expected: &Expected, redeemer: &str) -> Answer {
    let bearer = expected.publisher.publisher().bearer();
    http::get(&format!("{redeemer}/v1/balance"), &[("Authorization", &bearer)]).unwrap()
}

fn statements(expected: &Expected, redeemer: &str) -> Answer {
    let bearer = expected.publisher.publisher().bearer();
    http::get(&format!("{redeemer}/v1/statements"), &[("Authorization", &bearer)]).unwrap()
}

fn payouts(expected: &Expected, redeemer: &str) -> Answer {
    let bearer = expected.publisher.publisher().bearer();
    http::get(&format!("{redeemer}/v1/payouts"), &[("Authorization", &bearer)]).unwrap()
}

fn redeem(expected: &Expected, redeemer: &str) -> Answer {
    post(expected, redeemer, "new", &expected.unspent)
}

fn repeat(expected: &Expected, redeemer: &str) -> Answer {
    let earlier = &expected.redemptions[0];
    post(expected, redeemer, &earlier.idempotency_key, &earlier.tokens)
}

fn post(expected: &Expected, redeemer: &str, idempotency_key: &str, tokens: &[String]) -> Answer {
    let bearer = expected.publisher.publisher().bearer();
    let headers =
        [("Authorization", bearer.as_str()), (farthing_api::IDEMPOTENCY_KEY_HEADER, idempotency_key)];
    http::post_json(&format!("{redeemer}/v1/redemptions"), &headers, &json!({"tokens": tokens})).unwrap()
}

/// Tables that no released version has left anything in: this one writes what is raised there.
const WRITTEN_NOW: &[&str] = &["adjustments", "statements", "payouts"];

/// An entry beside the publisher's credit, a statement of it, and a payout of that.
fn write_now(world: &World, expected: &Expected) {
    let (day, denomination) = (["--day", "2020-01-31"], ["--denomination", "EUR-10000"]);
    let more = ["--tokens", "1", "--reason", "a gift"];
    let adjust = [&["ledger", "adjust", &expected.publisher.id][..], &day, &denomination, &more].concat();
    assert_eq!(world.admin(Program::Redeemer, &adjust).unwrap().len(), 1);
    let closed = world.admin(Program::Redeemer, &["statements", "close", "--through", day[1]]).unwrap();
    assert_eq!(closed.len(), 1, "{closed:?}");
    let statement = format!("EUR.{}", day[1]);
    let pay = ["payouts", "record", &expected.publisher.id, &statement, "--reference", "transfer 7"];
    assert_eq!(world.admin(Program::Redeemer, &pay).unwrap().len(), 1);
}

/// Writes a version that no release has reached into every record of a table; how many there are.
fn raise_embedded(world: &World, case: &Case) -> usize {
    let path = world.path(format!("data/{}.db", case.program.argument()));
    let table = TableDefinition::<&[u8], &[u8]>::new(case.table);
    let database = redb::Database::open(path).unwrap();
    let records: Vec<(Vec<u8>, Vec<u8>)> = {
        let reading = database.begin_read().unwrap().open_table(table).unwrap();
        let entries = reading.iter().unwrap().map(Result::unwrap);
        entries.map(|(key, value)| (key.value().to_vec(), raised(value.value()))).collect()
    };
    let writing = database.begin_write().unwrap();
    for (key, value) in &records {
        writing.open_table(table).unwrap().insert(key.as_slice(), value.as_slice()).unwrap();
    }
    writing.commit().unwrap();
    records.len()
}

/// The same on Redis.
fn raise_redis(world: &World, case: &Case) -> usize {
    let mut server = world.server(case.program).unwrap().connection().unwrap();
    let pattern = format!("{{farthing-{}}}:{}", case.program.argument(), case.keys);
    let keys: Vec<Vec<u8>> = redis::cmd("KEYS").arg(pattern).query(&mut server).unwrap();
    let mut count = 0;
    for key in keys {
        let fields: Vec<Vec<u8>> = match case.place {
            Place::Whole => {
                let value: Vec<u8> = redis::cmd("GET").arg(&key).query(&mut server).unwrap();
                redis::cmd("SET").arg(&key).arg(raised(&value)).exec(&mut server).unwrap();
                count += 1;
                continue;
            }
            Place::Fields => redis::cmd("HKEYS").arg(&key).query(&mut server).unwrap(),
            Place::Field(name) => vec![name.as_bytes().to_vec()],
        };
        for field in fields {
            let value: Vec<u8> = redis::cmd("HGET").arg(&key).arg(&field).query(&mut server).unwrap();
            redis::cmd("HSET").arg(&key).arg(&field).arg(raised(&value)).exec(&mut server).unwrap();
            count += 1;
        }
    }
    count
}

/// A record, or a version in decimal, of that version.
fn raised(value: &[u8]) -> Vec<u8> {
    if value.iter().all(u8::is_ascii_digit) { b"255".to_vec() } else { [&[255], &value[1..]].concat() }
}

fn newer_records_are_refused(kind: Kind) {
    let fixture = present(kind);
    let expected = Expected::read(&fixture).unwrap();
    for case in CASES {
        let world = World::kept(BINARY, &fixture, expected.written_at).unwrap();
        if WRITTEN_NOW.contains(&case.table) {
            write_now(&world, &expected);
        }
        let count =
            if kind == Kind::Embedded { raise_embedded(&world, case) } else { raise_redis(&world, case) };
        assert!(count > 0, "the fixture has no {}", case.kind);
        let what = format!("a record ({}) has version 255, this release reads up to ", case.kind);
        let to_do = "install the newer release that wrote it";
        let started = world.try_serve(case.program, None).unwrap();
        let log = match (&case.met, started) {
            (Met::AtStart, started) => refusal(started),
            (Met::By(ask), Ok(service)) => {
                let answer = ask(&expected, &service.url());
                assert_eq!(answer.status, 503, "{}: {}", case.kind, answer.json());
                fs::read_to_string(service.log()).unwrap()
            }
            (Met::By(_), Err(Crashed { log, .. })) => panic!("{}: {log}", case.kind),
        };
        let is_it = |line: &str| line.matches(&what).count() == 1 && line.contains(to_do);
        assert!(log.lines().any(is_it), "{}: {log}", case.kind);
    }
}

/// What a service says that does not start: one line, beside what it did before.
fn refusal(started: Result<ServiceProcess, Crashed>) -> String {
    let Crashed { status, log } = started.expect_err("the service started");
    assert_eq!(status.code(), Some(1), "{log}");
    let log: Vec<_> = log.lines().filter(|line| !line.contains(" INFO ")).collect();
    assert_eq!(log.len(), 1, "{log:?}");
    log.concat()
}

#[test]
fn newer_records_are_refused_by_the_embedded_store() {
    newer_records_are_refused(Kind::Embedded);
}

#[test]
fn newer_records_are_refused_on_redis() {
    newer_records_are_refused(Kind::Redis);
}

#[test]
fn another_file_format_of_the_embedded_store_is_named_as_such() {
    let fixture = present(Kind::Embedded);
    let now = Expected::read(&fixture).unwrap().written_at;
    for format in [2, 4] {
        let world = World::kept(BINARY, &fixture, now).unwrap();
        let path = world.path("data/redeemer.db");
        let file = fs::File::options().write(true).open(&path).unwrap();
        // redb writes its format's version at the beginning of both commit slots.
        for slot in [64, 192] {
            file.write_all_at(&[format], slot).unwrap();
        }
        let before = fs::read(&path).unwrap();
        let log = refusal(world.try_serve(Program::Redeemer, None).unwrap());
        let words =
            format!("has file format {format}, which this release does not read: install the release");
        assert!(log.contains(&words), "{log}");
        assert!(fs::read(&path).unwrap() == before, "the file was changed");
    }
}
