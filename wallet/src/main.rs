//! The program `farthing`.

use std::process::ExitCode;

use farthing_wallet::Environment;

fn main() -> ExitCode {
    farthing_wallet::run(std::env::args_os(), Environment::production())
}
