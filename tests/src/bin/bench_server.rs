//! `cargo xtask bench server`.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;

/// Measures issuer and redeemer through HTTP, on the embedded store and on Redis.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench server")]
struct Cli {
    /// One JSON object a line instead of a table.
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    match farthing_tests::server_bench::run(Cli::parse().json, &mut io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "the bench failed: {error:#}");
            ExitCode::FAILURE
        }
    }
}
