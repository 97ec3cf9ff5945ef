//! `cargo xtask store-fixture`.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use farthing_tests::store_fixture;

/// Writes stores with the programs of the present version, for later versions to open.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask store-fixture")]
struct Cli {
    /// Where they are kept, in a directory named by the version.
    directory: PathBuf,
}

fn main() -> ExitCode {
    let write = || {
        let binary = std::env::current_exe()?.with_file_name("farthing-demo");
        store_fixture::write(&binary, &Cli::parse().directory)
    };
    match write() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "no stores were kept: {error:#}");
            ExitCode::FAILURE
        }
    }
}
