//! `cargo demo`, and every program of the project under a test's clock: `farthing-demo issuer|redeemer|gate|wallet ...`.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use farthing_tests::demo;
use farthing_tests::programs::Program;
use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Shows a pack of tokens bought, signed blind, spent, and refused the second time, on servers of its own.
#[derive(Debug, Parser)]
#[command(name = "cargo demo --", version, max_term_width = 110)]
struct Cli {
    /// Stay up afterwards, and print the commands to try by hand.
    #[arg(long)]
    serve: bool,
}

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    if let Some(program) = std::env::args().nth(1).as_deref().and_then(Program::chosen_by) {
        arguments.next();
        return program.run(arguments);
    }
    let cli = Cli::parse();
    match demo::run(cli.serve, &mut io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "the demo failed: {error:#}");
            ExitCode::FAILURE
        }
    }
}
