//! Faults of the servers of a store: one at a time, and the next when all is whole again.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use super::asker::Shared;
use super::random::Random;
use crate::redis_servers::{Fault, Node, RedisServers, Topology};

/// How often each kind of fault was done.
pub(super) type Tally = BTreeMap<&'static str, u64>;

/// Longest wait for another server to take over.
const FAILOVER: Duration = Duration::from_mins(1);
/// A failover that was ordered and refused is no fault; what a server says then passes by itself.
const ORDERED: Duration = Duration::from_secs(15);

#[derive(Debug, Clone, Copy)]
enum Kind {
    Delay,
    Stall,
    Cut,
    CutAfterRequest,
    Restart,
    Pause,
    /// The server that takes the writes is killed, and comes back when another has taken over.
    KillMaster,
    /// It is silent for so long that another takes over, and goes on as if nothing had happened.
    SilenceMaster,
    /// An operator has another take over.
    Switch,
    RestartSentinel,
    PauseSentinel,
}

const OF_ANY: [Kind; 6] =
    [Kind::Delay, Kind::Stall, Kind::Cut, Kind::CutAfterRequest, Kind::Restart, Kind::Pause];
const OF_FAILOVER: [Kind; 3] = [Kind::KillMaster, Kind::SilenceMaster, Kind::Switch];

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Delay => "delayed server",
            Self::Stall => "stalled connections",
            Self::Cut => "cut connections",
            Self::CutAfterRequest => "cut after request",
            Self::Restart => "killed server",
            Self::Pause => "stopped server",
            Self::KillMaster => "killed master, failover",
            Self::SilenceMaster => "stopped master, failover",
            Self::Switch => "ordered failover",
            Self::RestartSentinel => "killed Sentinel",
            Self::PauseSentinel => "stopped Sentinel",
        }
    }

    fn roll(topology: Topology, random: &mut Random) -> Self {
        let has_failover = !matches!(topology, Topology::Standalone { .. });
        if topology == Topology::Sentinel && random.percent(10) {
            return if random.percent(50) { Self::RestartSentinel } else { Self::PauseSentinel };
        }
        let among = if has_failover && random.percent(40) { &OF_FAILOVER[..] } else { &OF_ANY[..] };
        *random.choose(among).unwrap_or(&Self::Restart)
    }
}

/// Does faults until the run is over; how many of which kind. They are done to the shards that have `keys`.
pub(super) fn run(
    shared: &Shared<'_>,
    servers: &mut RedisServers,
    keys: &[String],
    mut random: Random,
) -> anyhow::Result<Tally> {
    let mut tally = Tally::new();
    while !shared.is_over() {
        servers.look_at_key(random.choose(keys).map_or("", String::as_str))?;
        let kind = Kind::roll(servers.topology(), &mut random);
        fail(kind, servers, &mut random).with_context(|| format!("a fault ({})", kind.name()))?;
        *tally.entry(kind.name()).or_default() += 1;
        servers.settle().with_context(|| format!("after a fault ({})", kind.name()))?;
        shared.let_clients_come_on(random.below(40) as u64);
    }
    Ok(tally)
}

fn fail(kind: Kind, servers: &mut RedisServers, random: &mut Random) -> anyhow::Result<()> {
    let master = servers.master()?;
    // Mostly it is the server that takes the writes.
    let any = match random.choose(&servers.followers()?) {
        Some(follower) if random.percent(40) => *follower,
        _ => master,
    };
    match kind {
        Kind::Delay => misbehave(servers, any, Fault::Delay(random.time(20, 300)), random.time(300, 1_500)),
        Kind::Stall => misbehave(servers, any, Fault::Stall, random.time(300, 3_000)),
        Kind::Cut => misbehave(servers, any, Fault::Cut, random.time(100, 1_500)),
        Kind::CutAfterRequest => misbehave(servers, any, Fault::CutAfterRequest, random.time(100, 500)),
        Kind::Restart => {
            let node = at(&mut servers.servers, any)?;
            node.kill()?;
            std::thread::sleep(random.time(0, 800));
            node.start()
        }
        Kind::Pause => {
            let node = at(&mut servers.servers, any)?;
            node.stop()?;
            std::thread::sleep(random.time(100, 800));
            node.go_on()
        }
        Kind::KillMaster => {
            at(&mut servers.servers, master)?.kill()?;
            let outcome = wait_for_another(servers, master);
            at(&mut servers.servers, master)?.start()?;
            outcome
        }
        Kind::SilenceMaster => {
            at(&mut servers.servers, master)?.stop()?;
            let outcome = wait_for_another(servers, master);
            at(&mut servers.servers, master)?.go_on()?;
            outcome
        }
        Kind::Switch => switch(servers, master, random),
        Kind::RestartSentinel => {
            let count = servers.sentinels.len();
            let sentinel = at(&mut servers.sentinels, random.below(count))?;
            sentinel.kill()?;
            std::thread::sleep(random.time(0, 1_500));
            sentinel.start()
        }
        Kind::PauseSentinel => {
            let count = servers.sentinels.len();
            let sentinel = at(&mut servers.sentinels, random.below(count))?;
            sentinel.stop()?;
            std::thread::sleep(random.time(500, 3_000));
            sentinel.go_on()
        }
    }
}

fn at(nodes: &mut [Node], place: usize) -> anyhow::Result<&mut Node> {
    nodes.get_mut(place).context("no such server")
}

fn misbehave(servers: &mut RedisServers, place: usize, fault: Fault, time: Duration) -> anyhow::Result<()> {
    let node = at(&mut servers.servers, place)?;
    node.set_fault(fault);
    std::thread::sleep(time);
    node.set_fault(Fault::None);
    Ok(())
}

fn wait_for_another(servers: &RedisServers, master: usize) -> anyhow::Result<()> {
    let deadline = Instant::now() + FAILOVER;
    // Its group has one server less, or two that say so for a moment.
    while servers.master().ok().is_none_or(|now| now == master) {
        ensure!(Instant::now() < deadline, "nobody took over");
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

fn switch(servers: &RedisServers, master: usize, random: &mut Random) -> anyhow::Result<()> {
    let deadline = Instant::now() + ORDERED;
    let followers = servers.followers()?;
    let order = |random: &mut Random| {
        if servers.topology() == Topology::Sentinel {
            let sentinel = random.choose(&servers.sentinels).context("there are no Sentinels")?;
            return sentinel.ask::<()>(&["SENTINEL", "FAILOVER", "store"]);
        }
        let follower = random.choose(&followers).and_then(|at| servers.servers.get(*at));
        follower.context("nobody follows")?.ask::<()>(&["CLUSTER", "FAILOVER"])
    };
    while let Err(error) = order(random) {
        ensure!(Instant::now() < deadline, "a failover was refused: {error:#}");
        std::thread::sleep(Duration::from_millis(200));
    }
    while Instant::now() < deadline && servers.master().ok().is_none_or(|now| now == master) {
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}
