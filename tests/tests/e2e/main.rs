//! Whole paths through real processes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod accounting;
mod backups;
mod bad_input;
mod collector;
mod crashes;
mod demo;
mod failover;
mod gate;
mod issuer_answers;
mod limits;
mod metrics;
mod newer_records;
mod outages;
mod passwords;
mod privacy;
mod purchase;
mod redeemer_answers;
mod refusals;
mod reload;
mod rotation;
mod slow_clients;
mod slow_streams;
mod store_checks;
mod store_moves;
mod tls;
mod torture;
mod traces;
mod upgrades;

#[path = "../misuse/mod.rs"]
mod misuse;

use std::sync::{Mutex, MutexGuard, PoisonError};

use farthing_tests::World;

/// The program that is all programs.
const BINARY: &str = env!("CARGO_BIN_EXE_farthing-demo");

fn world() -> World {
    World::new(BINARY).unwrap()
}

fn on_redis() -> World {
    World::on_redis(BINARY).unwrap()
}

/// Servers that watch each other think that one is down when the machine is too busy to let it answer: tests with many of
/// them run one after the other.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}
