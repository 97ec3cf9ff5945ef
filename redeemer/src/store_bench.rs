//! How fast the stores are by themselves, without tokens, arithmetic or HTTP: durable redemptions a second, memory for each
//! spent token, and how both grow.
//!
//! `cargo xtask bench store` builds and runs it. Clients, store and Redis share one machine. Redis is compared with the
//! bare commands that a simpler design would send through the same client.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use farthing_protocol::{Authenticator, Day, TokenKeyId};
use farthing_service::birth::{Birth, ServiceKind, TrustedKeys};
use farthing_service::embedded::EmbeddedStore;
use farthing_service::environment::Environment;
use farthing_service::redis::RedisStore;
use farthing_service::redis::test_server::TestServer;
use redis::aio::MultiplexedConnection;
use serde_json::json;
use sha2::{Digest, Sha512};
use tokio::task::JoinSet;

use crate::publishers::PublisherId;
use crate::redemption::{
    IdempotencyKey, IdempotencySecret, Judged, KeyFacts, RedemptionRequest, SpentMark, SubmittedToken,
};
use crate::store::{NewSet, Redeemed, Redemption, SpentTokens};

/// 2026-11-22, noon.
const NOW: u64 = 1_795_348_800;
const KEY: [u8; 32] = [7; 32];
const TIMEOUT: Duration = Duration::from_secs(30);
const BATCHES: [usize; 3] = [1, 10, 100];
const CLIENTS: [usize; 3] = [1, 16, 64];
/// How long each measurement runs.
const RUN: Duration = Duration::from_millis(1_500);
/// Tokens of a redemption when the store is filled.
const FILL_BATCH: usize = 1_000;
/// Clients that fill it.
const FILLERS: usize = 8;
const MILLION: u64 = 1_000_000;

/// What is measured and how it is shown.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// One JSON object a line instead of a table.
    pub json: bool,
    /// Spent tokens with which memory and growth are measured, in millions; 0 leaves that out.
    pub millions: u32,
}

/// Measures both stores, and prints a table, or with `json` one object a line.
///
/// # Errors
/// A store failed, or redis-server is not installed.
pub fn run(options: Options, out: &mut dyn Write) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    if !options.json {
        writeln!(
            out,
            "store            batch clients   tokens/s     p50 us     p99 us   bytes/token at tokens"
        )?;
    }
    runtime.block_on(async {
        let mut table = Table { json: options.json, out };
        embedded(options, &mut table).await?;
        on_redis(options, &mut table).await
    })
}

async fn embedded(options: Options, table: &mut Table<'_>) -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("redeemer.db");
    EmbeddedStore::create(&path, &birth()?)?;
    let store = EmbeddedStore::open(&path, ServiceKind::Redeemer, TIMEOUT, Environment::production())?;
    let store: Arc<dyn SpentTokens> = Arc::new(store);
    let work = Work::new(Arc::clone(&store)).await?;
    for batch in BATCHES {
        for clients in CLIENTS {
            table.row("embedded", batch, clients, &work.measure(batch, clients).await?, None)?;
        }
    }
    for millions in growth(options) {
        work.fill(millions).await?;
        let bytes = std::fs::metadata(&path)?.len();
        let measured = work.measure(100, 1).await?;
        table.row("embedded", 100, 1, &measured, Some((bytes, work.spent())))?;
    }
    Ok(())
}

async fn on_redis(options: Options, table: &mut Table<'_>) -> anyhow::Result<()> {
    let server = TestServer::start()?;
    RedisStore::create(&server.deployment(), &birth()?, TIMEOUT).await?;
    let environment = Environment::production();
    let store = RedisStore::open(server.deployment(), ServiceKind::Redeemer, TIMEOUT, environment).await?;
    let store: Arc<dyn SpentTokens> = Arc::new(store);
    let beside = TestServer::start()?;
    let bare = redis::Client::open(beside.url())?.get_multiplexed_async_connection().await?;
    let baseline = used_memory(&mut bare.clone()).await?;
    for (name, pipelined) in [("redis SET NX", false), ("redis pipeline", true)] {
        let batch = if pipelined { 100 } else { 1 };
        for clients in CLIENTS {
            let measured = measure(clients, {
                let bare = bare.clone();
                move || set_nx(bare.clone(), pipelined, batch)
            })
            .await?;
            table.row(name, batch, clients, &measured, None)?;
        }
    }
    drop(beside);
    let bare = redis::Client::open(server.url())?.get_multiplexed_async_connection().await?;
    // The log of ten million marks would be rewritten again and again meanwhile.
    set(&bare, "auto-aof-rewrite-percentage", "0").await?;
    let work = Work::new(store).await?;
    for batch in BATCHES {
        for clients in CLIENTS {
            table.row("redis", batch, clients, &work.measure(batch, clients).await?, None)?;
        }
    }
    for millions in growth(options) {
        // Filling is not what is measured: it need not wait for the disk.
        set(&bare, "appendfsync", "no").await?;
        work.fill(millions).await?;
        set(&bare, "appendfsync", "always").await?;
        let bytes = used_memory(&mut bare.clone()).await?.saturating_sub(baseline);
        let measured = work.measure(100, 1).await?;
        table.row("redis", 100, 1, &measured, Some((bytes, work.spent())))?;
    }
    Ok(())
}

async fn set(server: &MultiplexedConnection, setting: &str, value: &str) -> anyhow::Result<()> {
    redis::cmd("CONFIG").arg("SET").arg(setting).arg(value).exec_async(&mut server.clone()).await?;
    Ok(())
}

/// Ten thousand, one million, and as many as are asked for.
fn growth(options: Options) -> Vec<u64> {
    let most = u64::from(options.millions) * MILLION;
    let mut steps: Vec<_> = [MILLION / 100, MILLION, most].into_iter().filter(|step| *step <= most).collect();
    steps.dedup();
    steps
}

async fn used_memory(server: &mut MultiplexedConnection) -> anyhow::Result<u64> {
    let text: String = redis::cmd("INFO").arg("memory").query_async(server).await?;
    let line = text.lines().find_map(|line| line.strip_prefix("used_memory:"));
    Ok(line.context("INFO has no used_memory")?.trim().parse()?)
}

fn birth() -> anyhow::Result<Birth> {
    Ok(Birth::new(ServiceKind::Redeemer, 1, TrustedKeys::None)?)
}

/// One bare command, or a pipeline of them, on names that were never used; how many it set.
async fn set_nx(mut server: MultiplexedConnection, pipelined: bool, batch: usize) -> anyhow::Result<usize> {
    let mut pipe = redis::pipe();
    for _ in 0..batch {
        pipe.cmd("SET").arg(format!("bare:{}", unique())).arg("").arg("NX").arg("EX").arg(86_400);
    }
    let answers: Vec<Option<String>> = if pipelined {
        pipe.query_async(&mut server).await?
    } else {
        let mut single = redis::cmd("SET");
        single.arg(format!("bare:{}", unique())).arg("").arg("NX").arg("EX").arg(86_400);
        vec![single.query_async(&mut server).await?]
    };
    Ok(answers.iter().flatten().count())
}

/// A number that was never returned before.
fn unique() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// A store with one open set, and what was spent in it.
#[derive(Clone)]
struct Work {
    store: Arc<dyn SpentTokens>,
    spent: Arc<AtomicU64>,
}

impl Work {
    async fn new(store: Arc<dyn SpentTokens>) -> anyhow::Result<Self> {
        let redeem_until = Day::from_unix(NOW + 100 * 86_400);
        let set = NewSet { key: TokenKeyId::from_bytes(KEY), redeem_until, capacity: 10 * MILLION };
        store.open_sets(vec![set]).await?;
        Ok(Self { store, spent: Arc::default() })
    }

    fn spent(&self) -> u64 {
        self.spent.load(Ordering::Relaxed)
    }

    async fn measure(&self, batch: usize, clients: usize) -> anyhow::Result<Measured> {
        let work = self.clone();
        measure(clients, move || {
            let work = work.clone();
            async move { work.redeem(batch).await }
        })
        .await
    }

    /// Redeems until so many tokens are spent.
    async fn fill(&self, tokens: u64) -> anyhow::Result<()> {
        let mut running = JoinSet::new();
        for _ in 0..FILLERS {
            let work = self.clone();
            running.spawn(async move {
                while work.spent() < tokens {
                    work.redeem(FILL_BATCH).await?;
                }
                anyhow::Ok(())
            });
        }
        while let Some(done) = running.join_next().await {
            done??;
        }
        Ok(())
    }

    async fn redeem(&self, batch: usize) -> anyhow::Result<usize> {
        let name = format!("redemption {}", unique());
        let key = IdempotencyKey::parse(name.as_bytes()).context("no Idempotency-Key")?;
        let publisher = PublisherId::from_bytes([1; 16]);
        let request = RedemptionRequest { tokens: vec![SubmittedToken::Malformed(name)], atomic: true };
        let secret = IdempotencySecret::from_bytes(&[1; 32]);
        let redemption = Redemption {
            publisher,
            key: secret.key_mac(publisher, &key),
            request: secret.request_mac(&request),
            atomic: true,
            tokens: (0..batch).map(|_| Judged::Genuine { key: 0, mark: mark(unique()) }).collect(),
            keys: vec![KeyFacts { id: TokenKeyId::from_bytes(KEY), denomination: "EUR-10000".parse()? }],
            now: NOW,
        };
        match self.store.redeem(redemption).await? {
            Redeemed::Done(answer) if !answer.credited.is_empty() => {
                self.spent.fetch_add(batch as u64, Ordering::Relaxed);
                Ok(batch)
            }
            other => anyhow::bail!("a fresh token was not taken: {other:?}"),
        }
    }
}

fn mark(number: u64) -> SpentMark {
    SpentMark::of(&Authenticator::from_bytes(Sha512::digest(number.to_be_bytes()).into()))
}

/// What some clients did in a while.
struct Measured {
    tokens_per_s: f64,
    p50: Duration,
    p99: Duration,
}

/// Lets so many clients repeat `work`, each waiting for its answer.
async fn measure<F>(clients: usize, work: impl Fn() -> F + Clone + Send + 'static) -> anyhow::Result<Measured>
where
    F: Future<Output = anyhow::Result<usize>> + Send,
{
    let began = Instant::now();
    let mut running = JoinSet::new();
    for _ in 0..clients {
        let work = work.clone();
        running.spawn(async move {
            let (mut tokens, mut times) = (0, Vec::new());
            while began.elapsed() < RUN {
                let asked = Instant::now();
                tokens += work().await?;
                times.push(asked.elapsed());
            }
            anyhow::Ok((tokens, times))
        });
    }
    let (mut tokens, mut times) = (0, Vec::new());
    while let Some(done) = running.join_next().await {
        let (more, some) = done??;
        tokens += more;
        times.extend(some);
    }
    times.sort_unstable();
    let at = |part: usize| times.get(times.len() * part / 100).copied().unwrap_or_default();
    let seconds = began.elapsed().as_secs_f64();
    #[allow(clippy::cast_precision_loss, reason = "far below 2^52")]
    let tokens_per_s = tokens as f64 / seconds;
    Ok(Measured { tokens_per_s, p50: at(50), p99: at(99) })
}

/// Where rows go.
struct Table<'a> {
    json: bool,
    out: &'a mut dyn Write,
}

impl Table<'_> {
    fn row(
        &mut self,
        store: &str,
        batch: usize,
        clients: usize,
        measured: &Measured,
        memory: Option<(u64, u64)>,
    ) -> anyhow::Result<()> {
        let Measured { tokens_per_s, p50, p99 } = measured;
        let (p50, p99) = (p50.as_secs_f64() * 1e6, p99.as_secs_f64() * 1e6);
        #[allow(clippy::cast_precision_loss, reason = "far below 2^52")]
        let bytes = memory.map(|(bytes, tokens)| (bytes as f64 / tokens as f64, tokens));
        if self.json {
            let row = json!({
                "work": "store-redeem", "impl": "farthing", "store": store, "batch": batch, "clients": clients,
                "tokens_per_s": tokens_per_s.round(), "p50_us": p50.round(), "p99_us": p99.round(),
                "bytes_per_token": bytes.map(|(each, _)| (each * 10.0).round() / 10.0),
                "spent_tokens": bytes.map(|(_, tokens)| tokens),
            });
            writeln!(self.out, "{row}")?;
        } else {
            write!(
                self.out,
                "{store:<15} {batch:>6} {clients:>7} {tokens_per_s:>10.0} {p50:>10.0} {p99:>10.0}"
            )?;
            if let Some((each, tokens)) = bytes {
                write!(self.out, "   {each:>8.1} at {tokens}")?;
            }
            writeln!(self.out)?;
        }
        self.out.flush()?;
        Ok(())
    }
}
