//! `cargo xtask bench store`.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use farthing_redeemer::store_bench::{self, Options};

/// Measures the redeemer's stores by themselves: durable redemptions, memory, and how they grow.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench store")]
struct Cli {
    /// One JSON object a line instead of a table.
    #[arg(long)]
    json: bool,
    /// Spent tokens with which memory and growth are measured, in millions; 0 leaves that out.
    #[arg(long, default_value_t = 10)]
    millions: u32,
}

fn main() -> ExitCode {
    let Cli { json, millions } = Cli::parse();
    match store_bench::run(Options { json, millions }, &mut io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "the bench failed: {error:#}");
            ExitCode::FAILURE
        }
    }
}
