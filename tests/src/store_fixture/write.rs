use std::fs;
use std::path::Path;

use anyhow::{Context, ensure};
use farthing_api::{Base64Url, Envelope, SIGNING_KEYS_PATH, Totals};
use farthing_protocol::{AmortizedBatchTokenResponse, DirectoryKey};
use serde::de::DeserializeOwned;

use super::{
    EXPECTED, Expected, IssuedOrder, KeptOrder, KeptPublisher, KeptRedemption, OfServices, READER, Vouchers,
};
use crate::programs::Program;
use crate::{Order, PACK, Publisher, Reader, ServiceProcess, World, http, key_of};

/// 2026-11-22T12:00:00Z. Every fixture is written on the same day, which is its own affair.
const WRITTEN_AT: u64 = 1_795_348_800;
const DAY: u64 = 86_400;
const PUBLISHER: &str = "The Daily Example";
/// Value of the tokens of the pack `single`.
const ONE_CENT: u64 = 10_000;
/// The same of `big-10`.
const FIVE_CENTS: u64 = 50_000;

/// The kinds of store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// redb files.
    Embedded,
    /// Append-only files of Redis.
    Redis,
}

impl Kind {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Embedded, Self::Redis];

    /// The name of a fixture's directory.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Embedded => "embedded",
            Self::Redis => "redis",
        }
    }

    /// Where the services listen: a wallet knows an issuer without TLS by its address, so that must be the same ever
    /// after. An address of this kind's own, and a port that the system gives to no one.
    fn urls(self) -> OfServices<String> {
        let host = match self {
            Self::Embedded => "127.70.1.1",
            Self::Redis => "127.70.1.2",
        };
        OfServices { issuer: format!("http://{host}:18701"), redeemer: format!("http://{host}:18702") }
    }
}

/// Writes the fixtures of the present version below `directory`.
///
/// `binary` is the program `farthing-demo`.
///
/// # Errors
/// There are some already, or a program failed.
pub fn write(binary: &Path, directory: &Path) -> anyhow::Result<()> {
    let version = env!("CARGO_PKG_VERSION");
    let fixtures = directory.join(version);
    ensure!(
        !fixtures.exists(),
        "{} exists: what a version wrote is never written anew; raise the version first",
        fixtures.display()
    );
    for kind in Kind::ALL {
        let world = match kind {
            Kind::Embedded => World::unprepared(binary)?,
            Kind::Redis => World::unprepared_on_redis(binary)?,
        };
        world.stop_clock(WRITTEN_AT - DAY)?;
        let world = world.prepared()?;
        let expected = live(&world, kind.urls(), version)?;
        let fixture = fixtures.join(kind.name());
        world.keep(&fixture)?;
        fs::write(fixture.join(EXPECTED), format!("{:#}\n", serde_json::to_value(&expected)?))?;
    }
    Ok(())
}

/// Two days of a world: each kind of record comes into being.
fn live(world: &World, urls: OfServices<String>, version: &str) -> anyhow::Result<Expected> {
    let issuer = world.serve_at(Program::Issuer, &urls.issuer)?;
    let mut redeemer = world.serve_at(Program::Redeemer, &urls.redeemer)?;
    let (publisher, reader) = (world.publisher(PUBLISHER)?, world.reader(READER));
    let code = |pack: &str| world.vouchers(pack, 1)?.pop().context("no voucher was printed");

    reader.buy(&issuer, &redeemer, &code(PACK)?)?;
    let mut exported = reader.export(8)?;
    let first = redeem(&publisher, &redeemer, "article-1", exported.split_off(5))?;
    let key = key_of(&issuer.url(), ONE_CENT)?;
    let issued = issue(&issuer, "single", &key, 1, &code("single")?)?;
    let key = key_of(&issuer.url(), FIVE_CENTS)?;
    let revoked = issue(&issuer, "big-10", &key, 10, &code("big-10")?)?;

    world.stop_clock(WRITTEN_AT)?;
    let second = redeem(&publisher, &redeemer, "article-2", exported.split_off(3))?;
    reader.buy(&issuer, &redeemer, &code(PACK)?)?;
    let used = code("single")?;
    let paid = Order::paid(&issuer.url(), "single", &used)?;
    let pending = Order::make(&issuer.url(), "single")?;
    let wallet_tokens = reader.tokens()?;
    // A purchase that is paid, and whose request is kept and not sent.
    let voucher = code(PACK)?;
    let buying = Reader::buying(&urls.issuer, &urls.redeemer, &voucher);
    let crashed = reader.run_until(&buying, "wallet.request.saved")?;
    ensure!(crashed.crashed(), "the wallet went on: {}", crashed.error);
    world.admin(Program::Issuer, &["keys", "revoke", &key.token_key_id().to_string()])?;
    // A redeemer that starts sees it at once.
    redeemer.stop()?;
    redeemer = world.serve_at(Program::Redeemer, &urls.redeemer)?;

    let expected = Expected {
        version: version.to_owned(),
        written_at: WRITTEN_AT,
        publisher: KeptPublisher {
            credit_micros: publisher.credit_micros(&redeemer.url())?,
            name: PUBLISHER.to_owned(),
            id: publisher.id,
            api_key: publisher.api_key,
        },
        redemptions: vec![first, second],
        unspent: exported,
        vouchers: Vouchers { used, unused_single: code("single")?, unused_pack: code(PACK)? },
        pending: KeptOrder::of(&pending),
        paid: KeptOrder::of(&paid),
        issued,
        revoked,
        totals: OfServices { issuer: totals(&issuer)?, redeemer: totals(&redeemer)? },
        signing_keys: OfServices {
            issuer: get(&issuer, SIGNING_KEYS_PATH)?,
            redeemer: get(&redeemer, SIGNING_KEYS_PATH)?,
        },
        wallet_tokens,
        unfinished_tokens: 100,
        issued_tokens: 211,
        urls,
    };
    issuer.stop()?;
    redeemer.stop()?;
    Ok(expected)
}

fn redeem(
    publisher: &Publisher,
    redeemer: &ServiceProcess,
    idempotency_key: &str,
    tokens: Vec<String>,
) -> anyhow::Result<KeptRedemption> {
    let redeemed = publisher.redeem(&redeemer.url(), idempotency_key, &tokens)?;
    ensure!(redeemed.status == 200, "{}", redeemed.body);
    Ok(KeptRedemption { idempotency_key: idempotency_key.to_owned(), tokens, answer: redeemed.answer()? })
}

fn issue(
    issuer: &ServiceProcess,
    pack: &str,
    key: &DirectoryKey,
    count: usize,
    voucher: &str,
) -> anyhow::Result<IssuedOrder> {
    let mut order = Order::paid(&issuer.url(), pack, voucher)?;
    let request = order.request(key, count)?;
    let answer = order.send(&request)?;
    ensure!(answer.status == 200, "{}", answer.json());
    let evaluated = AmortizedBatchTokenResponse::decode(&answer.body)?.elements();
    Ok(IssuedOrder {
        order: KeptOrder::of(&order),
        tokens: order.tokens(key, &request, &answer)?,
        request: Base64Url(request),
        evaluated: evaluated.into_iter().map(Base64Url).collect(),
    })
}

/// The totals that a service publishes.
///
/// # Errors
/// It does not answer.
pub fn totals(service: &ServiceProcess) -> anyhow::Result<Totals> {
    let envelope: Envelope = get(service, "/v1/totals")?;
    Ok(serde_json::from_slice(&envelope.payload.0)?)
}

fn get<T: DeserializeOwned>(service: &ServiceProcess, path: &str) -> anyhow::Result<T> {
    let answer = http::get(&format!("{}{path}", service.url()), &[])?;
    ensure!(answer.status == 200, "{path}: {} {}", answer.status, answer.json());
    Ok(serde_json::from_slice(&answer.body)?)
}
