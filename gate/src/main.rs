//! The program `farthing-gate`.

use std::process::ExitCode;

use farthing_service::environment::Environment;
use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    farthing_gate::run(std::env::args_os(), &Environment::production())
}
