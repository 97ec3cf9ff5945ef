//! The program `farthing-redeemer`.

use std::process::ExitCode;

use farthing_service::environment::Environment;
use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    farthing_redeemer::run(std::env::args_os(), &Environment::production())
}
