use std::hint::black_box;
use std::time::Duration;

use anyhow::Result;
use rustix::time::{ClockId, clock_gettime};

use crate::implementation::Pass;

/// The least that one sample lasts: long beside the clock's own cost, short beside changes of the core's frequency.
const SAMPLE: Duration = Duration::from_millis(4);

/// Keeps the process on the last core it may use, and says which; `None` where the system can't be told.
#[cfg(target_os = "linux")]
pub(crate) fn pin_to_one_core() -> Result<Option<usize>> {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

    let allowed = sched_getaffinity(None)?;
    let core = (0..CpuSet::MAX_CPU).rev().find(|core| allowed.is_set(*core));
    if let Some(core) = core {
        let mut only = CpuSet::new();
        only.set(core);
        sched_setaffinity(None, &only)?;
    }
    Ok(core)
}

/// Keeps the process on the last core it may use, and says which; `None` where the system can't be told.
#[cfg(not(target_os = "linux"))]
pub(crate) fn pin_to_one_core() -> Result<Option<usize>> {
    Ok(None)
}

/// The median time of each pass, per token of a batch.
///
/// Passes take turns in every round, so that whatever disturbs the machine disturbs them all. It is the thread's own
/// processor time that counts: what other programs take of the core does not.
pub(crate) fn micros_per_token(passes: &mut [Pass], batch: usize, rounds: u32) -> Result<Vec<f64>> {
    let mut repeats = Vec::with_capacity(passes.len());
    for pass in &mut *passes {
        // The first run warms up, the second tells how many make a sample.
        time(pass, 1)?;
        let once = time(pass, 1)?.max(Duration::from_nanos(1));
        repeats.push(u32::try_from(SAMPLE.as_nanos().div_ceil(once.as_nanos()))?);
    }
    let mut samples = vec![Vec::new(); passes.len()];
    for _ in 0..rounds {
        for ((pass, repeats), samples) in passes.iter_mut().zip(&repeats).zip(&mut samples) {
            samples.push(time(pass, *repeats)? / *repeats);
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "batches are small")]
    let tokens = batch as f64;
    Ok(samples.into_iter().map(|samples| median(samples).as_secs_f64() * 1e6 / tokens).collect())
}

fn time(pass: &mut Pass, repeats: u32) -> Result<Duration> {
    let start = processor_time()?;
    for _ in 0..repeats {
        black_box(pass()?);
    }
    Ok(processor_time()?.saturating_sub(start))
}

fn processor_time() -> Result<Duration> {
    Ok(Duration::try_from(clock_gettime(ClockId::ThreadCPUTime))?)
}

/// The middle sample; the upper one of the two middle ones.
fn median(mut samples: Vec<Duration>) -> Duration {
    samples.sort_unstable();
    samples.get(samples.len() / 2).copied().unwrap_or_default()
}
