//! Entries of the old store become writes into the new one.

use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use tokio::sync::mpsc;

use super::Movable;
use super::tally::Tally;
use crate::backup::Source;
use crate::redis::{NewStore, Rebuild, Writes};

/// Commands that are sent together.
const TOGETHER: usize = 1_000;

/// How often it is said how far a long copy is.
const TOLD_EVERY: Duration = Duration::from_secs(10);

/// Which entries are written. The others tell how these are to be written, and what they add up to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// Those of the tables that are copied ahead; what they add up to is not known yet.
    Ahead,
    /// All others, and what follows from everything: everything comes, as it is at last.
    Rest,
}

/// What came of it.
pub(super) struct Filled {
    /// What came in, of [`Part::Rest`].
    pub(super) tally: Tally,
    /// Whether everything came.
    pub(super) is_whole: bool,
}

/// Writes what comes from the old store into the new one.
pub(super) async fn fill<M: Movable>(new: &NewStore, source: Source, part: Part) -> anyhow::Result<Filled> {
    let (sender, mut round_trips) = mpsc::channel(2);
    let (writes, others) = (new.writes(), new.writes());
    let reading = tokio::task::spawn_blocking(move || {
        let mut send = |writes: &mut Writes, least| {
            writes.take(least).try_for_each(|trip| sender.blocking_send(trip).map_err(|_| stopped()))
        };
        turn::<M>(source, part, writes, others, &mut send)
    });
    let (mut written, mut told) = (0, Instant::now());
    while let Some(round_trip) = round_trips.recv().await {
        written += round_trip.1.len();
        if told.elapsed() >= TOLD_EVERY {
            // Whole thousands: what a single redemption does to it is not seen.
            tracing::info!(thousands = written / 1_000, "copying; so many writes into the new store so far");
            told = Instant::now();
        }
        // Dropping the other end stops the reading.
        new.apply(round_trip).await.context("the new store")?;
    }
    reading.await.context("a copy stopped")?
}

fn stopped() -> anyhow::Error {
    anyhow!("nobody takes the copy any more")
}

/// Turns entries into writes. Blocks.
fn turn<M: Movable>(
    source: Source,
    part: Part,
    mut writes: Writes,
    mut others: Writes,
    send: &mut impl FnMut(&mut Writes, usize) -> anyhow::Result<()>,
) -> anyhow::Result<Filled> {
    let unfit = |cause| anyhow!("the store cannot be moved to Redis: {cause}");
    let (mut rebuild, mut tally) = (M::Rebuild::default(), Tally::of::<M>(writes.groups()));
    let is_whole = source.drain(|entry| {
        let is_ahead = M::AHEAD.contains(&entry.table.as_str());
        if part == Part::Rest {
            tally.add(&entry);
        }
        if is_ahead == (part == Part::Ahead) {
            rebuild.write(entry, &mut writes).map_err(unfit)?;
            send(&mut writes, TOGETHER)
        } else {
            rebuild.write(entry, &mut others).map_err(unfit)?;
            others.take(TOGETHER).for_each(drop);
            Ok(())
        }
    })?;
    if part == Part::Rest && is_whole {
        rebuild.write_last(&mut writes).map_err(unfit)?;
    }
    send(&mut writes, 1)?;
    Ok(Filled { tally, is_whole })
}
