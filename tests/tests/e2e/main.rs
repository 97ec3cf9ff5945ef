//! Whole paths through real processes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod accounting;
mod backups;
mod bad_input;
mod collector;
mod crashes;
mod dashboard;
mod demo;
mod divided_stores;
mod ensured_publishers;
mod failover;
mod gate;
mod header_bombs;
mod http2;
mod issuer_answers;
mod limits;
mod metrics;
mod migration;
mod newer_records;
mod openapi;
mod outages;
mod passwords;
mod privacy;
mod publishers;
mod purchase;
mod receipts;
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
use std::time::{SystemTime, UNIX_EPOCH};

use farthing_protocol::Day;
use farthing_tests::World;

/// The program that is all programs.
const BINARY: &str = env!("CARGO_BIN_EXE_farthing-demo");

fn world() -> World {
    World::new(BINARY).unwrap()
}

fn on_redis() -> World {
    World::on_redis(BINARY).unwrap()
}

/// One in the morning of tomorrow: after the stores were made, and far from both midnights.
fn morning() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    Day::from_unix(now).next().start() + 3_600
}

/// Servers that watch each other think that one is down when the machine is too busy to let it answer: tests with many of
/// them run one after the other.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}
