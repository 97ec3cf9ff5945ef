use std::io::{Write, stdout};
use std::time::Instant;

use anyhow::Result;

/// Runs one stage of a chore between a line with its name and a line with its seconds.
pub(crate) fn stage<T>(name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    writeln!(stdout(), "== {name}")?;
    let start = Instant::now();
    let outcome = work();
    let verdict = if outcome.is_ok() { "" } else { " FAILED after" };
    writeln!(stdout(), "== {name}:{verdict} {:.1} seconds\n", start.elapsed().as_secs_f64())?;
    outcome
}
