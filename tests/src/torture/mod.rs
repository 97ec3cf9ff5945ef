//! Clients buy, spend and cheat while services and servers are killed, stopped, cut off and replaced under them; at the
//! end every answer is compared with the stores.
//!
//! `cargo xtask torture` runs it. What is decided by chance is decided by a seed; when things happen is not.

mod asker;
mod client;
mod closing;
mod ledger;
mod promises;
mod purchases;
mod random;
mod report;
mod server_faults;
mod service_faults;
mod services;

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{anyhow, bail};

pub use report::Report;

use crate::programs::Program;
use crate::redis_servers::{RedisServers, Topology};
use crate::{StoreTables, World};
use asker::{Asker, Shared};
use client::Client;
use ledger::Ledger;
use purchases::PACKS;
use random::Random;
use server_faults::Tally;
use services::Services;

/// Vouchers that a client uses up in a second at most.
const VOUCHERS_A_SECOND: u64 = 10;
/// Vouchers of one command.
const MINTED_AT_ONCE: u64 = 1_000;

/// A run.
#[derive(Debug, Clone)]
pub struct Torture {
    /// The program `farthing-demo`.
    pub binary: PathBuf,
    /// What decides.
    pub seed: u64,
    /// For how long faults are done.
    pub time: Duration,
    /// The kind of store; without a topology the embedded one.
    pub topology: Option<Topology>,
    /// The key `replicas` of the configurations; without a number it is left out where it may be.
    pub replicas: Option<u32>,
    /// Into how many groups of keys the redeemer's store is divided.
    pub groups: u8,
    /// How many clients there are.
    pub clients: usize,
}

impl Torture {
    /// Whether nothing may be lost, whichever server fails: then every replica confirms what is answered.
    pub const fn must_be_right(&self) -> bool {
        self.replicas.is_none()
    }

    /// Runs it.
    ///
    /// # Errors
    /// The harness failed: a program is missing, or something does not come back in time. What the services did wrong
    /// is in the report.
    pub fn run(&self) -> anyhow::Result<Report> {
        let mut random = Random::new(self.seed);
        let mut stores = Vec::new();
        if let Some(topology) = self.topology {
            for _ in 0..2 {
                stores.push(RedisServers::start(topology)?);
            }
        }
        let world = self.world(&stores)?;
        let publishers = vec![world.publisher("One")?, world.publisher("Two")?];
        let mut vouchers = Vec::new();
        for _ in 0..self.clients {
            vouchers.push(self.vouchers(&world)?);
        }
        // Only one process opens an embedded store.
        let of_each = if stores.is_empty() { 1 } else { 2 };
        let shared = Shared::new(Services::start(&world, of_each)?, publishers);
        let begin = Instant::now();
        let (mut ledger, faults) = std::thread::scope(|scope| {
            let mut clients = Vec::new();
            for (number, vouchers) in vouchers.into_iter().enumerate() {
                let client =
                    Client::new(Asker::new(&shared, random.fork()), vouchers, format!("client-{number}"));
                clients.push(scope.spawn(|| client.run()));
            }
            let mut failing = Vec::new();
            for (servers, keys) in stores.iter_mut().zip(self.keys()) {
                let (shared, random) = (&shared, random.fork());
                failing.push(scope.spawn(move || server_faults::run(shared, servers, &keys, random)));
            }
            let (dice, of_services) = (random.fork(), &world);
            failing.push(scope.spawn(|| service_faults::run(&shared, of_services, dice)));
            while begin.elapsed() < self.time
                && !failing.iter().any(std::thread::ScopedJoinHandle::is_finished)
            {
                std::thread::sleep(Duration::from_millis(50));
            }
            shared.is_over.store(true, Ordering::SeqCst);
            let mut faults = Tally::new();
            let mut failure = None;
            for thread in failing {
                match thread.join() {
                    Ok(Ok(done)) => {
                        for (name, count) in done {
                            *faults.entry(name).or_default() += count;
                        }
                    }
                    Ok(Err(error)) => failure = Some(error),
                    Err(_) => failure = Some(anyhow!("a thread that does faults panicked")),
                }
            }
            shared.heal();
            let mut ledger = Ledger::default();
            for client in clients {
                match client.join() {
                    Ok(asker) => ledger.absorb(asker.ledger),
                    Err(_) => failure = Some(anyhow!("a client panicked")),
                }
            }
            match failure {
                Some(error) => Err(error),
                None => Ok((ledger, faults)),
            }
        })?;
        let seconds = begin.elapsed().as_secs();
        let twice = ledger.accepted_twice();
        let mut closing = Asker::new(&shared, random.fork());
        closing.check_promises(&ledger);
        closing.check_credit(&ledger)?;
        closing.check_vouchers(&world, &ledger)?;
        closing.check_stores(&world)?;
        service_faults::finish_days(&world)?;
        closing.check_totals(&world, &ledger)?;
        ledger.absorb(closing.ledger);
        Ok(Report { seed: self.seed, what: self.describe(), seconds, faults, ledger, twice })
    }

    /// Names of keys in every shard that a service's store uses: the issuer's, and the redeemer's.
    fn keys(&self) -> [Vec<String>; 2] {
        let further = (1..self.groups).map(|group| format!("{{farthing-redeemer-{group}}}"));
        let redeemer = std::iter::once("{farthing-redeemer}".to_owned()).chain(further);
        [vec!["{farthing-issuer}".to_owned()], redeemer.collect()]
    }

    fn describe(&self) -> String {
        let topology = match self.topology {
            None => "embedded".to_owned(),
            Some(Topology::Standalone { replicas }) => format!("standalone with {replicas} replicas"),
            Some(Topology::Sentinel) => "sentinel".to_owned(),
            Some(Topology::Cluster) => "cluster".to_owned(),
        };
        let groups = if self.groups > 1 { format!(" with {} groups", self.groups) } else { String::new() };
        let replicas = self.replicas.map(|replicas| format!(", replicas = {replicas}")).unwrap_or_default();
        topology + &groups + &replicas
    }

    /// A world in which a key issues for one day, and nobody is refused for asking too much.
    fn world(&self, stores: &[RedisServers]) -> anyhow::Result<World> {
        let world = match stores {
            [] => World::unprepared(&self.binary)?,
            [issuer, redeemer] => {
                let tables = StoreTables {
                    issuer: issuer.table(self.replicas),
                    redeemer: redeemer.table(self.replicas),
                };
                World::unprepared_on(&self.binary, tables)?
            }
            _ => bail!("each service has one store"),
        };
        let most = 1_000_000;
        let requests = format!("[limits]\nrequests_per_minute = {most}\nrequests_burst = {most}\n");
        let packs: String = PACKS.iter().map(purchases::Pack::table).collect();
        let epoch = "[epoch]\nissue_days = 1\nredeem_days = 84\n";
        let issuer = format!("{packs}{epoch}{requests}repetitions_per_hour = {most}\n");
        world.write_configuration(Program::Issuer, &issuer)?;
        world.write_configuration(Program::Redeemer, &requests)?;
        world.prepared_in(self.groups)
    }

    /// The vouchers of one client, of all packs.
    fn vouchers(&self, world: &World) -> anyhow::Result<Vec<(purchases::Pack, String)>> {
        let mut vouchers = Vec::new();
        for pack in PACKS {
            let mut left = (self.time.as_secs() * VOUCHERS_A_SECOND).div_ceil(PACKS.len() as u64);
            while left > 0 {
                let count = left.min(MINTED_AT_ONCE);
                let codes = world.vouchers(pack.id, u32::try_from(count)?)?;
                vouchers.extend(codes.into_iter().map(|code| (pack, code)));
                left -= count;
            }
        }
        // They come in turns, whatever the run's time.
        let half = vouchers.len() / 2;
        let (first, second) = vouchers.split_at(half);
        Ok(first.iter().zip(second).flat_map(|(one, other)| [one.clone(), other.clone()]).collect())
    }
}
