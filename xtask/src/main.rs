//! The chores of this workspace, as `cargo xtask CHORE`.

mod bench;
mod ci;
mod dependency_rules;
mod fuzz;
mod requirements;
mod schemathesis;
mod stage;
mod store_fixture;
mod tally;
mod test;
mod tool;
mod torture;

use std::io::{Write, stderr};
use std::process::ExitCode;

use clap::Parser;

/// The chores of this workspace.
#[derive(Parser)]
#[command(bin_name = "cargo xtask")]
enum Chore {
    /// Run every test, those against other implementations included; the last line counts them
    Test {
        /// The suites that take long or need more as well: the containers, where a Docker engine answers, the alert
        /// rules with promtool, the gate behind nginx and Caddy, the services compared with their OpenAPI documents by
        /// schemathesis, and a short run of every fuzz target
        #[arg(long)]
        all: bool,
    },
    /// Compare our arithmetic with other implementations: `bench issue|redeem|client [--json] [--batches ..] [--rounds N]`,
    /// or measure the services through HTTP: `bench server [--json]`, `bench gate [--rounds N] [--json]`
    #[command(disable_help_flag = true)]
    Bench {
        /// Handed to the benchmark
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Let services and servers fail under clients that buy, spend and cheat, and compare every answer with the stores:
    /// `torture [--seed N] [--minutes M] [--topology standalone|sentinel|cluster|embedded|all] [--replicas N]`
    #[command(disable_help_flag = true)]
    Torture {
        /// Handed to the harness
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Run every fuzz target (needs nightly Rust and cargo-fuzz)
    Fuzz {
        /// For each target
        #[arg(long, default_value_t = 60)]
        seconds: u32,
    },
    /// Keep stores as the present version writes them, below `tests/stores`: once for each release
    StoreFixture,
    /// Everything that a change must pass: format, lints, dependencies, documentation, tests as of `test --all`
    Ci,
}

fn main() -> ExitCode {
    let outcome = match Chore::parse() {
        Chore::Test { all } => test::run(all),
        Chore::Bench { arguments } => bench::run(&arguments),
        Chore::Torture { arguments } => torture::run(&arguments),
        Chore::Fuzz { seconds } => fuzz::run(seconds),
        Chore::StoreFixture => store_fixture::run(),
        Chore::Ci => ci::run(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing is left to do if even that cannot be written.
            let _ = writeln!(stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
