//! The program `farthing-gate`.

use std::process::ExitCode;

use farthing_service::environment::Environment;

fn main() -> ExitCode {
    farthing_gate::run(std::env::args_os(), &Environment::production())
}
