//! `cargo xtask bench gate`.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;

/// Measures what the gate adds to a page, beside nginx as a plain proxy.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench gate")]
struct Cli {
    /// How many times each is measured; the least counts.
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// One JSON object a line instead of a table.
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    let Cli { rounds, json } = Cli::parse();
    match farthing_tests::gate_bench::run(rounds, json, &mut io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "the bench failed: {error:#}");
            ExitCode::FAILURE
        }
    }
}
