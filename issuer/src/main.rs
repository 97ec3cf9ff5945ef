//! The program `farthing-issuer`.

use std::process::ExitCode;

use farthing_service::environment::Environment;
use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    farthing_issuer::run(std::env::args_os(), &Environment::production())
}
