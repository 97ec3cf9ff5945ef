//! `store check` finds planted damage of each kind, and nothing else.

use farthing_tests::World;
use farthing_tests::programs::Program;
use farthing_tests::store_fixture::{Expected, Kind};
use redb::{ReadableTable, TableDefinition};
use redis::Connection;

use crate::BINARY;
use crate::upgrades::present;

/// Something that is planted, and what the check says of it.
struct Case {
    program: Program,
    /// The table from whose first entry on the embedded store one is taken away.
    table: &'static str,
    /// The same on Redis.
    on_redis: OnRedis,
    /// What is found; the embedded store's words, where they differ, come first.
    found: &'static [&'static str],
}

/// What is taken away.
enum OnRedis {
    /// The first key of a pattern.
    Key(&'static str),
    /// A field of the first key of a pattern.
    Field(&'static str),
    /// A member of a set or sorted set.
    Member(&'static str),
}

const fn case(
    program: Program,
    table: &'static str,
    on_redis: OnRedis,
    found: &'static [&'static str],
) -> Case {
    Case { program, table, on_redis, found }
}

const FEWER: &str = "fewer marks than tokens of the key were redeemed";
const CREDITS: &str = "what was redeemed is not what publishers were credited";
const ID: &str = "its id does not lead to it";

const CASES: &[Case] = &[
    case(Program::Redeemer, "spent-marks", OnRedis::Field("marks:*"), &[FEWER]),
    case(Program::Redeemer, "spent-sets", OnRedis::Key("spent-set:*"), &["no spent set", "its set is gone"]),
    case(Program::Redeemer, "credits", OnRedis::Key("credits:*"), &[CREDITS]),
    case(Program::Redeemer, "redeemed-totals", OnRedis::Key("redeemed-total:*"), &[CREDITS]),
    case(Program::Redeemer, "kept-answers", OnRedis::Key("kept-answers:*"), &["there is no such answer"]),
    case(
        Program::Redeemer,
        "kept-answers-by-end",
        OnRedis::Member("kept-answers-by-end"),
        &["not in the index by which it is forgotten"],
    ),
    case(
        Program::Redeemer,
        "publishers",
        OnRedis::Field("publishers"),
        &["publisher-names", "publisher-names"],
    ),
    case(Program::Redeemer, "publisher-names", OnRedis::Field("publisher-names"), &["publisher-names"]),
    case(Program::Redeemer, "api-keys", OnRedis::Field("api-keys"), &["api-keys"]),
    case(Program::Issuer, "orders", OnRedis::Key("orders:*"), &["its claim does not own that order"]),
    case(Program::Issuer, "order-ids", OnRedis::Key("order-ids:*"), &[ID]),
    case(Program::Issuer, "issued-totals", OnRedis::Key("issued-total:*"), &["its totals are not what"]),
];

fn check(world: &World, program: Program) -> (bool, String) {
    let output = world.try_admin(program, &["store", "check"]).unwrap();
    (output.status.success(), String::from_utf8(output.stdout).unwrap())
}

/// Takes away the first entry of a table.
fn damage_embedded(world: &World, case: &Case) {
    let path = world.path(format!("data/{}.db", case.program.argument()));
    let table = TableDefinition::<&[u8], &[u8]>::new(case.table);
    let database = redb::Database::open(path).unwrap();
    let writing = database.begin_write().unwrap();
    {
        let mut table = writing.open_table(table).unwrap();
        let first = table.first().unwrap().unwrap().0.value().to_vec();
        table.remove(first.as_slice()).unwrap();
    }
    writing.commit().unwrap();
}

fn first_key(server: &mut Connection, program: Program, pattern: &str) -> Vec<u8> {
    let pattern = format!("{{farthing-{}}}:{pattern}", program.argument());
    let mut keys: Vec<Vec<u8>> = redis::cmd("KEYS").arg(pattern).query(server).unwrap();
    keys.sort();
    keys.into_iter().next().unwrap()
}

/// The same on Redis.
fn damage_redis(world: &World, case: &Case) {
    let mut server = world.server(case.program).unwrap().connection().unwrap();
    let removed: u32 = match case.on_redis {
        OnRedis::Key(pattern) => {
            let key = first_key(&mut server, case.program, pattern);
            redis::cmd("DEL").arg(key).query(&mut server).unwrap()
        }
        OnRedis::Field(pattern) => {
            let key = first_key(&mut server, case.program, pattern);
            let fields: Vec<Vec<u8>> = redis::cmd("HKEYS").arg(&key).query(&mut server).unwrap();
            redis::cmd("HDEL").arg(&key).arg(&fields[0]).query(&mut server).unwrap()
        }
        OnRedis::Member(pattern) => {
            let key = first_key(&mut server, case.program, pattern);
            redis::cmd("ZREMRANGEBYRANK").arg(&key).arg(0).arg(0).query(&mut server).unwrap()
        }
    };
    assert_eq!(removed, 1);
}

fn planted_damage_is_found(kind: Kind) {
    let fixture = present(kind);
    let now = Expected::read(&fixture).unwrap().written_at;
    for case in CASES {
        let world = World::kept(BINARY, &fixture, now).unwrap();
        // The first to open the store on Redis brings its sets into the form of this release.
        assert_eq!(check(&world, case.program), (true, "everything adds up\n".to_owned()));
        if kind == Kind::Embedded {
            damage_embedded(&world, case);
        } else {
            damage_redis(&world, case);
        }
        let (is_whole, printed) = check(&world, case.program);
        assert!(
            !is_whole && case.found.iter().any(|words| printed.contains(words)),
            "{}: {printed}",
            case.table
        );
    }
}

#[test]
fn planted_damage_is_found_in_the_embedded_store() {
    planted_damage_is_found(Kind::Embedded);
}

#[test]
fn planted_damage_is_found_on_redis() {
    planted_damage_is_found(Kind::Redis);
}

/// A voucher that was used is new again; and an order that waits for payment stands in the index twice.
#[test]
fn what_is_paid_twice_is_found() {
    let fixture = present(Kind::Redis);
    let now = Expected::read(&fixture).unwrap().written_at;
    let world = World::kept(BINARY, &fixture, now).unwrap();
    {
        let mut server = world.server(Program::Issuer).unwrap().connection().unwrap();
        let keys: Vec<Vec<u8>> =
            redis::cmd("KEYS").arg("{farthing-issuer}:vouchers:*").query(&mut server).unwrap();
        let unused = keys.iter().filter(|key| {
            redis::cmd("HDEL").arg(*key).arg("used-by").query::<u32>(&mut server).unwrap() == 1
        });
        assert!(unused.count() > 0);
        let pending = "{farthing-issuer}:pending-orders";
        redis::cmd("ZADD").arg(pending).arg(20_000).arg([7_u8; 32].as_slice()).exec(&mut server).unwrap();
    }
    let (is_whole, printed) = check(&world, Program::Issuer);
    assert!(!is_whole && printed.contains("it is paid, and no voucher was used by it"), "{printed}");
    assert!(printed.contains("pending-orders") && printed.contains("no such unpaid order"), "{printed}");
}
