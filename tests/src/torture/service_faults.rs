//! Faults of the services, and of their clock.

use std::time::Duration;

use farthing_protocol::SECONDS_PER_DAY;

use super::asker::Shared;
use super::random::Random;
use super::server_faults::Tally;
use crate::{FileClock, World};

/// The clock moves no further than this, because answers are kept for 48 hours only.
const FURTHEST: u64 = 40 * 3_600;

/// Kills, stops and restarts processes, one at a time, and moves the clock, until the run is over.
pub(super) fn run(shared: &Shared<'_>, world: &World, mut random: Random) -> anyhow::Result<Tally> {
    let mut tally = Tally::new();
    let services = &shared.services;
    let mut moved = 0;
    while !shared.is_over() {
        shared.let_clients_come_on(random.below(40) as u64);
        let at = random.below(services.len());
        let name = match random.below(10) {
            0..5 => {
                services.kill(at)?;
                services.serve(at)?;
                "killed service"
            }
            5..7 => {
                services.end(at)?;
                services.serve(at)?;
                "restarted service"
            }
            7 if moved < FURTHEST => {
                moved = move_clock(world, moved, &mut random)?;
                "moved clock"
            }
            _ => {
                services.pause(at, true)?;
                std::thread::sleep(random.time(100, 1_500));
                services.pause(at, false)?;
                "stopped service"
            }
        };
        *tally.entry(name).or_default() += 1;
    }
    Ok(tally)
}

/// Moves the clock, the first time beyond the end of a key's issuing, which is midnight.
fn move_clock(world: &World, moved: u64, random: &mut Random) -> anyhow::Result<u64> {
    let moved = if moved == 0 {
        let now = FileClock::real_seconds();
        SECONDS_PER_DAY - now % SECONDS_PER_DAY + random.time(1_000, 60_000).as_secs()
    } else {
        moved + random.time(600_000, 6 * 3_600_000).as_secs()
    };
    world.move_clock(i64::try_from(moved)?)?;
    Ok(moved)
}

/// Moves the clock so far that every day on which anything happened is over, and its totals are published.
pub(super) fn finish_days(world: &World) -> anyhow::Result<()> {
    let days = Duration::from_secs(FURTHEST + 2 * SECONDS_PER_DAY);
    world.move_clock(i64::try_from(days.as_secs())?)
}
