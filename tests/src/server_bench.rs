//! How fast the services are through HTTP: tokens a second, latencies, and how much of their time is arithmetic.
//!
//! `cargo xtask bench server` builds and runs it. Everything shares one machine: clients, services and Redis.

use std::fs;
use std::io::Write;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use data_encoding::BASE64URL_NOPAD;
use farthing_api::IDEMPOTENCY_KEY_HEADER;
use farthing_protocol::AmortizedBatchTokenRequest;
use farthing_voprf::SecretKey;
use serde_json::json;

use crate::http::{Answer, Client};
use crate::programs::Program;
use crate::{Order, PACK, Publisher, ServiceProcess, World, key_of};

/// What is measured: pack, value of its tokens in micros, tokens of one request, requests.
const BATCHES: [(&str, u64, usize, u32); 3] =
    [("single", 10_000, 1, 400), ("big-10", 50_000, 10, 300), (PACK, 10_000, 100, 200)];
/// Clients that send at the same time.
const CLIENTS: usize = 4;

/// One line of the result.
struct Row {
    work: &'static str,
    store: &'static str,
    batch: usize,
    tokens_per_s: f64,
    p50: Duration,
    p99: Duration,
    /// Arithmetic's part of the processor time that the service used.
    arithmetic: f64,
}

/// A request that is ready to be sent.
struct Ready {
    url: String,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

/// Measures both services on both stores, and prints a table, or with `json` one object a line.
///
/// # Errors
/// A program failed, or an answer was not as it should be.
pub fn run(json: bool, out: &mut impl Write) -> anyhow::Result<()> {
    if !json {
        writeln!(
            out,
            "{CLIENTS} clients, one machine; share: arithmetic's part of the service's processor time\n"
        )?;
        writeln!(out, "work    store     batch   tokens/s     p50 ms     p99 ms   share")?;
    }
    for (store, world) in [("embedded", World::new as fn(_) -> _), ("redis", World::on_redis)] {
        let world: World = world(std::env::current_exe()?.with_file_name("farthing-demo"))?;
        let (issuer, redeemer) = (world.serve(Program::Issuer)?, world.serve(Program::Redeemer)?);
        let publisher = world.publisher("Example")?;
        for (pack, value_micros, batch, requests) in BATCHES {
            let orders = prepare(&world, &issuer, pack, value_micros, batch, requests)?;
            let (issued, tokens) = issue(&issuer, store, value_micros, batch, &orders)?;
            print(&issued, json, out)?;
            print(&redeem(&redeemer, &publisher, store, batch, tokens)?, json, out)?;
        }
    }
    Ok(())
}

fn print(row: &Row, json: bool, out: &mut impl Write) -> anyhow::Result<()> {
    let Row { work, store, batch, tokens_per_s, p50, p99, arithmetic } = row;
    let (p50, p99) = (p50.as_secs_f64() * 1e3, p99.as_secs_f64() * 1e3);
    if json {
        let row = json!({
            "work": format!("server-{work}"), "impl": "farthing", "store": store, "batch": batch, "clients": CLIENTS,
            "tokens_per_s": tokens_per_s.round(), "p50_ms": p50, "p99_ms": p99, "arithmetic_share": arithmetic,
        });
        writeln!(out, "{row}")?;
    } else {
        writeln!(
            out,
            "{work:<7} {store:<9} {batch:>5} {tokens_per_s:>10.0} {p50:>10.2} {p99:>10.2} {:>6.0}%",
            arithmetic * 100.0
        )?;
    }
    Ok(())
}

/// Paid orders, each with its token request.
fn prepare(
    world: &World,
    issuer: &ServiceProcess,
    pack: &str,
    value_micros: u64,
    batch: usize,
    requests: u32,
) -> anyhow::Result<Vec<(Order, Vec<u8>)>> {
    let key = key_of(&issuer.url(), value_micros)?;
    let mut orders = Vec::new();
    for voucher in world.vouchers(pack, requests)? {
        let mut order = Order::paid(&issuer.url(), pack, &voucher)?;
        let body = order.request(&key, batch)?;
        orders.push((order, body));
    }
    Ok(orders)
}

/// Spends the orders; the tokens, a list for each.
fn issue(
    issuer: &ServiceProcess,
    store: &'static str,
    value_micros: u64,
    batch: usize,
    orders: &[(Order, Vec<u8>)],
) -> anyhow::Result<(Row, Vec<Vec<String>>)> {
    let key = key_of(&issuer.url(), value_micros)?;
    let ready = orders.iter().map(|(order, body)| Ready {
        url: format!("{}/token-request", issuer.url()),
        headers: vec![
            ("Authorization", order.bearer()),
            ("Content-Type", AmortizedBatchTokenRequest::MEDIA_TYPE.to_owned()),
        ],
        body: body.clone(),
    });
    let (_, body) = orders.first().context("there is no order")?;
    let elements = AmortizedBatchTokenRequest::decode(body)?.elements();
    let secret = SecretKey::derive(&[1; 32], b"bench")?;
    let alone = time(|| secret.evaluate_blinded(&elements, &[7; 32]).map(drop))?;
    let (row, answers) = measure("issue", store, batch, issuer, ready.collect(), alone)?;
    let tokens = orders.iter().zip(&answers).map(|((order, body), answer)| order.tokens(&key, body, answer));
    Ok((row, tokens.collect::<Result<_, _>>()?))
}

/// Redeems each list of tokens in one request.
fn redeem(
    redeemer: &ServiceProcess,
    publisher: &Publisher,
    store: &'static str,
    batch: usize,
    tokens: Vec<Vec<String>>,
) -> anyhow::Result<Row> {
    let mut ready = Vec::new();
    for (number, tokens) in tokens.into_iter().enumerate() {
        let mut body = Vec::new();
        for token in tokens {
            body.extend(BASE64URL_NOPAD.decode(token.as_bytes())?);
        }
        ready.push(Ready {
            url: format!("{}/v1/redemptions", redeemer.url()),
            headers: vec![
                ("Authorization", publisher.bearer()),
                (IDEMPOTENCY_KEY_HEADER, format!("{batch}-{number}")),
                ("Content-Type", "application/octet-stream".to_owned()),
            ],
            body,
        });
    }
    let inputs: Vec<Vec<u8>> =
        (0..batch).map(|number| [&number.to_be_bytes()[..], &[0; 90]].concat()).collect();
    let secret = SecretKey::derive(&[1; 32], b"bench")?;
    let alone = time(|| secret.evaluate(&inputs).map(drop))?;
    Ok(measure("redeem", store, batch, redeemer, ready, alone)?.0)
}

/// Sends all that is ready, by several clients; `alone` is the arithmetic of one request.
fn measure(
    work: &'static str,
    store: &'static str,
    batch: usize,
    service: &ServiceProcess,
    ready: Vec<Ready>,
    alone: Duration,
) -> anyhow::Result<(Row, Vec<Answer>)> {
    let requests = ready.len();
    let queue = Mutex::new(ready.into_iter().enumerate());
    let used_before = service.processor_time()?;
    let begin = Instant::now();
    let mut done = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(|| send_all(&queue))).collect();
        let mut done = Vec::new();
        for client in clients {
            done.extend(client.join().map_err(|_| anyhow::anyhow!("a client panicked"))??);
        }
        anyhow::Ok(done)
    })?;
    let elapsed = begin.elapsed();
    let used = service.processor_time()?.saturating_sub(used_before);
    done.sort_by_key(|(number, ..)| *number);
    let mut latencies: Vec<_> = done.iter().map(|(_, latency, _)| *latency).collect();
    latencies.sort_unstable();
    let at = |share: usize| latencies.get(requests * share / 100).copied().unwrap_or_default();
    let row = Row {
        work,
        store,
        batch,
        tokens_per_s: f64::from(u32::try_from(requests * batch)?) / elapsed.as_secs_f64(),
        p50: at(50),
        p99: at(99),
        arithmetic: alone.as_secs_f64() * f64::from(u32::try_from(requests)?) / used.as_secs_f64(),
    };
    Ok((row, done.into_iter().map(|(.., answer)| answer).collect()))
}

type Queue = Mutex<std::iter::Enumerate<std::vec::IntoIter<Ready>>>;

fn send_all(queue: &Queue) -> anyhow::Result<Vec<(usize, Duration, Answer)>> {
    let client = Client::new();
    let mut done = Vec::new();
    loop {
        let next = queue.lock().map_err(|_| anyhow::anyhow!("a client panicked"))?.next();
        let Some((number, Ready { url, headers, body })) = next else { return Ok(done) };
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let begin = Instant::now();
        let answer = client.post(&url, &headers, body)?;
        ensure!(answer.status == 200, "{} {}", answer.status, answer.json());
        done.push((number, begin.elapsed(), answer));
    }
}

/// The median of some runs.
fn time<E: std::error::Error + Send + Sync + 'static>(
    mut work: impl FnMut() -> Result<(), E>,
) -> anyhow::Result<Duration> {
    let mut times = Vec::new();
    for _ in 0..31 {
        let begin = Instant::now();
        work()?;
        times.push(begin.elapsed());
    }
    times.sort_unstable();
    times.get(times.len() / 2).copied().context("nothing was timed")
}

impl ServiceProcess {
    /// Processor time that the process has used so far, to a hundredth of a second.
    ///
    /// # Errors
    /// The system does not say.
    fn processor_time(&self) -> anyhow::Result<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.id()))?;
        // The fields after the program's name, which is in parentheses: user and system time are the 12th and 13th.
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks = |place: usize| fields.get(place).and_then(|text| text.parse::<u64>().ok());
        let (user, system) = ticks(11).zip(ticks(12)).context("/proc/PID/stat has another form")?;
        Ok(Duration::from_millis((user + system) * 10))
    }
}
