//! Whole paths through real processes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod backups;
mod collector;
mod crashes;
mod demo;
mod issuer_answers;
mod limits;
mod metrics;
mod newer_records;
mod outages;
mod privacy;
mod purchase;
mod redeemer_answers;
mod refusals;
mod reload;
mod rotation;
mod slow_clients;
mod store_checks;
mod store_moves;
mod tls;
mod traces;
mod upgrades;

use farthing_tests::World;

/// The program that is all programs.
const BINARY: &str = env!("CARGO_BIN_EXE_farthing-demo");

fn world() -> World {
    World::new(BINARY).unwrap()
}

fn on_redis() -> World {
    World::on_redis(BINARY).unwrap()
}
