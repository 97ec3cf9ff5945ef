//! farthing-issuer: sells packs of unlinkable tokens. It takes payment and signs blindly; it never sees a token, nor
//! anything that a publisher sends.
//!
//! `cli` parses the command line, `service` puts the parts together, `routes` are the HTTP API, `orders`, `vouchers`
//! and `issuance` are what it is about, `keys` writes the keyring, and `store` is what it asks of its database.

mod admin;
mod cli;
mod config;
mod issuance;
mod keys;
mod limits;
mod maintenance;
mod migrate;
mod orders;
mod pack;
mod reload;
mod routes;
mod service;
mod store;
mod store_commands;
mod totals;
mod vouchers;

use std::ffi::OsString;
use std::process::ExitCode;

use farthing_service::environment::Environment;
use farthing_service::program;

/// Runs the program `farthing-issuer` with its command line, the program's name first: 0 when all went well, 1 when
/// it failed (one line on standard error says why), 2 when the command line is no good.
pub fn run(args: impl Iterator<Item = OsString>, environment: &Environment) -> ExitCode {
    program::end("farthing-issuer", cli::run(args, environment))
}
