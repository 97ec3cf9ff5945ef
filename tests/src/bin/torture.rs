//! `cargo xtask torture`.

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::{Parser, ValueEnum};
use farthing_tests::redis_servers::Topology;
use farthing_tests::torture::Torture;

/// Buys, spends and cheats while services and servers fail, and compares every answer with the stores.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask torture")]
struct Cli {
    /// Decides what is decided by chance; a new one if none is given.
    #[arg(long)]
    seed: Option<u64>,
    /// For how long, of each topology.
    #[arg(long, default_value_t = 2)]
    minutes: u64,
    /// Which stores.
    #[arg(long, value_enum, default_value_t = Stores::All)]
    topology: Stores,
    /// The key `replicas` of the configurations: what is lost is then counted, and is no failure.
    #[arg(long)]
    replicas: Option<u32>,
    /// Into how many groups of keys the redeemer's store on a cluster is divided.
    #[arg(long, default_value_t = 3)]
    groups: u8,
    /// Clients at a time.
    #[arg(long, default_value_t = 3)]
    clients: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Stores {
    /// One server without replicas, and one with two.
    Standalone,
    Sentinel,
    Cluster,
    Embedded,
    All,
}

impl Stores {
    fn topologies(self) -> Vec<Option<Topology>> {
        let alone = [0, 2].map(|replicas| Some(Topology::Standalone { replicas }));
        match self {
            Self::Standalone => alone.into(),
            Self::Sentinel => vec![Some(Topology::Sentinel)],
            Self::Cluster => vec![Some(Topology::Cluster)],
            Self::Embedded => vec![None],
            Self::All => [&[None][..], &alone, &[Some(Topology::Sentinel), Some(Topology::Cluster)]].concat(),
        }
    }
}

fn main() -> ExitCode {
    match run(&Cli::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            let _ = writeln!(io::stderr(), "the torture failed: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whether all was right.
fn run(cli: &Cli) -> anyhow::Result<bool> {
    let mut fresh = [0; 4];
    getrandom::fill(&mut fresh)?;
    let seed = cli.seed.unwrap_or(u32::from_be_bytes(fresh).into());
    let binary = std::env::current_exe()?.with_file_name("farthing-demo");
    let mut is_right = true;
    for topology in cli.topology.topologies() {
        let torture = Torture {
            binary: binary.clone(),
            seed,
            time: Duration::from_secs(cli.minutes * 60),
            topology,
            replicas: cli.replicas,
            groups: if topology == Some(Topology::Cluster) { cli.groups } else { 1 },
            clients: cli.clients,
        };
        let report = torture.run().with_context(|| format!("seed {seed}"))?;
        let mut out = io::stdout().lock();
        writeln!(out, "{report}")?;
        for line in report.details() {
            writeln!(out, "  {line}")?;
        }
        is_right &= report.is_right() || !torture.must_be_right();
    }
    Ok(is_right)
}
