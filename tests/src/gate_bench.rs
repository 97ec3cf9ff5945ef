//! What the gate adds to a page: a request with a pass through it, beside the same through nginx as a plain proxy.
//!
//! `cargo xtask bench gate` builds and runs it. Gate and nginx take turns on one core, before one site; the site, an nginx
//! that answers out of memory, and the load are on another.

mod load;
mod nginx;

use std::io::Write;
use std::time::Duration;

use anyhow::{Context, ensure};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use serde_json::json;

use crate::http;
use crate::programs::Program;
use crate::{CLOCK_VARIABLE, ServiceProcess, World};
use load::{Latencies, Target};
use nginx::Nginx;

/// Connections at a time, and requests of one measurement.
const LOADS: [(usize, usize); 2] = [(1, 3_000), (16, 12_000)];
const PATH: &str = "/articles/7";

/// The best of each round for one server: disturbances only ever make a round slower.
#[derive(Debug, Clone, Copy)]
struct Best {
    name: &'static str,
    connections: usize,
    p50: Duration,
    p99: Duration,
}

/// Measures both so many times in turns, and prints a table, or with `json` one object a line.
///
/// # Errors
/// A program failed or is not there, or an answer was not as it should be.
pub fn run(rounds: usize, json: bool, out: &mut impl Write) -> anyhow::Result<()> {
    let cores = sched_getaffinity(None)?;
    let mut cores = (0..CpuSet::MAX_CPU).filter(|core| cores.is_set(*core));
    let (server, rest) = cores.next().zip(cores.next()).context("this bench needs two cores")?;

    let world = World::new(std::env::current_exe()?.with_file_name("farthing-demo"))?;
    pin(rest)?;
    let site = Nginx::site(&world.path("site"))?;
    let (cookie, redeemer) = set_up(&world, &site)?;
    // Who is started now shares the core, and knows that it has one.
    pin(server)?;
    let gate = serve(&world)?;
    let plain = Nginx::proxy(&world.path("proxy"), site.address())?;
    pin(rest)?;
    let targets = [("gate", gate.address()), ("nginx", plain.address())];
    let targets = targets.map(|(name, address)| Target { name, address, path: PATH, cookie: cookie.clone() });

    let mut best: Vec<Best> = Vec::new();
    for round in 0..rounds {
        for (connections, requests) in LOADS {
            let mut turns: Vec<_> = targets.iter().collect();
            if round % 2 == 1 {
                turns.reverse();
            }
            for target in turns {
                let latencies = target.measure(connections, requests)?;
                improve(&mut best, target.name, connections, &latencies);
            }
        }
    }
    drop((gate, plain, site, redeemer));
    print(&best, json, out)
}

/// The cores that this process, and those that it starts from now on, may use.
fn pin(core: usize) -> anyhow::Result<()> {
    let mut cores = CpuSet::new();
    cores.set(core);
    Ok(sched_setaffinity(None, &cores)?)
}

/// A pass for the page, in the form of a cookie, bought from a gate that the measured one has its secret and prices from.
fn set_up(world: &World, site: &Nginx) -> anyhow::Result<(String, ServiceProcess)> {
    let (issuer, redeemer) = (world.serve(Program::Issuer)?, world.serve(Program::Redeemer)?);
    let reader = world.reader("reader");
    reader.buy(&issuer, &redeemer, &world.voucher()?)?;
    let rest = format!(
        "[[price]]\npath = \"/articles/*/**\"\nprice_micros = 10000\ncurrency = \"EUR\"\n\n[upstream]\nurl = \
         \"http://{}\"\n",
        site.address()
    );
    world.write_gate(&redeemer.url(), &world.publisher("Daily")?, &rest)?;
    let file = world.configuration(Program::Gate);
    let text = std::fs::read_to_string(&file)?.replace("\"trace\"", "\"info\"");
    std::fs::write(&file, text)?;
    let gate = serve(world)?;
    let token = reader.export(1)?.pop().context("no token was handed on")?;
    let paying = format!("PrivateToken token=\"{token}\"");
    let paid = http::get(&format!("http://{}{PATH}", gate.address()), &[("Authorization", &paying)])?;
    ensure!(paid.status == 200, "the page was not paid for: {paid:?}");
    let cookie = paid.header("set-cookie").split(';').next().unwrap_or_default().to_owned();
    gate.stop()?;
    Ok((cookie, redeemer))
}

/// A gate under the machine's own clock, as operators run it: a test's is read from a file each time.
fn serve(world: &World) -> anyhow::Result<ServiceProcess> {
    let mut command = world.command(Program::Gate);
    command.env_remove(CLOCK_VARIABLE).arg("serve").arg("--config").arg(world.configuration(Program::Gate));
    let started = ServiceProcess::start(command, &world.path("gate.log"))?;
    started.map_err(|crashed| anyhow::anyhow!("the gate ended: {}", crashed.log.trim()))
}

fn improve(best: &mut Vec<Best>, name: &'static str, connections: usize, latencies: &Latencies) {
    let (p50, p99) = (latencies.at(50), latencies.at(99));
    match best.iter_mut().find(|best| best.name == name && best.connections == connections) {
        Some(best) => {
            best.p50 = best.p50.min(p50);
            best.p99 = best.p99.min(p99);
        }
        None => best.push(Best { name, connections, p50, p99 }),
    }
}

fn print(best: &[Best], json: bool, out: &mut impl Write) -> anyhow::Result<()> {
    if !json {
        writeln!(out, "a page of 2 kB with a pass; least of all rounds\n")?;
        writeln!(out, "connections  server     p50 us     p99 us   ratio of p50")?;
    }
    for (connections, _) in LOADS {
        let of = |name: &str| best.iter().find(|best| best.name == name && best.connections == connections);
        let plain = of("nginx").context("nginx was not measured")?;
        for Best { name, connections, p50, p99 } in [of("gate").context("the gate was not measured")?, plain]
        {
            let ratio = p50.as_secs_f64() / plain.p50.as_secs_f64();
            let (p50, p99) = (p50.as_secs_f64() * 1e6, p99.as_secs_f64() * 1e6);
            if json {
                let row = json!({
                    "work": "gate", "impl": name, "connections": connections, "p50_us": p50, "p99_us": p99,
                    "ratio_to_nginx": ratio,
                });
                writeln!(out, "{row}")?;
            } else {
                writeln!(out, "{connections:>11}  {name:<6} {p50:>10.1} {p99:>10.1} {ratio:>14.2}")?;
            }
        }
    }
    Ok(())
}
