//! farthing-redeemer: takes tokens from publishers, refuses double spends, and credits what was taken. It never learns
//! who bought a token, what was read for it, or by whom.
//!
//! `cli` parses the command line, `service` puts the parts together, `routes` are the HTTP API, `publishers`, `redemption`,
//! `receipts`, `ledger`, `exports` and `audit` are what it is about, and `store` is what it asks of its database.

mod admin;
mod audit;
mod cli;
mod config;
mod dashboard;
mod exports;
mod kept_budget;
mod ledger;
mod limits;
mod maintenance;
mod migrate;
mod places;
mod publishers;
mod questions;
mod receipts;
mod redemption;
mod reload;
mod routes;
mod service;
mod store;
#[cfg(feature = "bench-support")]
pub mod store_bench;
mod store_commands;
mod totals;

#[cfg(test)]
mod test_tokens;

use std::ffi::OsString;
use std::process::ExitCode;

use farthing_service::environment::Environment;
use farthing_service::program;

/// Runs the program `farthing-redeemer` with its command line, the program's name first: 0 when all went well, 1 when
/// it failed (one line on standard error says why), 2 when the command line is no good.
pub fn run(args: impl Iterator<Item = OsString>, environment: &Environment) -> ExitCode {
    program::end("farthing-redeemer", cli::run(args, environment))
}
