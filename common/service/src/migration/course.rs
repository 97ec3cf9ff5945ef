//! The course of a move.

use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail};

use super::comparison::walk;
use super::filling::{Filled, Part, fill};
use super::{Movable, OldStore};
use crate::backup::{self, Extent, Findings, channel};
use crate::birth::{Birth, Leaving};
use crate::environment::Environment;
use crate::redis::{NewStore, Occupied};
use crate::store_settings::StoreSettings;
use crate::unavailable::Unavailable;

/// A round of so few changes is the last before the old store's reign ends.
const FEW: u64 = 500;
/// So many rounds that were no smaller than the one before are enough: the store changes as fast as it is copied.
const ROUNDS_IN_VAIN: u32 = 5;

/// How often it is tried to give the old store back, and the pause between two tries.
const RELEASES: u32 = 4;
const PAUSE: Duration = Duration::from_secs(1);

/// Moves a store to the place that `to` names, divided into so many groups of keys, while whoever uses it goes on; what the
/// operator is told. An earlier move to that place that did not end is begun anew.
///
/// # Errors
/// It could not be moved, and the message says why. The old store is in use then as before, unless it says something else.
pub async fn migrate<M: Movable>(
    mut old: Box<dyn OldStore>,
    to: &StoreSettings,
    groups: u8,
    environment: &Environment,
) -> anyhow::Result<Vec<String>> {
    let place = to.describe();
    let was_moved = check_old(&*old, &place)?;
    if !was_moved {
        let findings = backup::check::<M::Books>(&*old.copies(), environment.now()).await?;
        if let Some(first) = findings.first() {
            bail!(
                "the store does not add up, and is not moved as it is: {first} ({} findings); run `store check`, and read \
                 \"Checking a store\" in docs/operating.md",
                findings.len()
            );
        }
    }
    let during = old.birth().moving(&place).context("the system gave no randomness; try again")?;
    let during = if was_moved { during.left() } else { during };
    let run = during.leaving.as_ref().map(|Leaving { run, .. }| run.0).unwrap_or_default();
    let birth = old.birth().with_groups(groups);
    let new = match to.begin_new(&birth, run, was_moved, environment.clone()).await? {
        Occupied::Not(new) => new,
        Occupied::Complete if was_moved => return Ok(vec![whole(&place), next(&place)]),
        Occupied::Complete => bail!("--to: {place} is where the store is; name another place"),
    };
    old.begin(&during).await.context("the move did not begin; run the same command again")?;
    environment.step("migrate.begun");
    let mut course = Course { old: &mut *old, new: &new, environment, ended: None };
    match course.run::<M>(&during).await {
        Ok(records) => {
            let ended = course.ended;
            environment.step("migrate.complete.before");
            // A new store that may be there already must not come to be there beside the old one: nothing is given back.
            new.complete().await.map_err(|cause| {
                anyhow!(
                    "whether the new store is complete is not known: run the same command again ({cause})"
                )
            })?;
            environment.step("migrate.complete.after");
            let refused = ended.map_or(0, |ended| ended.elapsed().as_millis());
            let told =
                format!("moved {records} records; the old store has refused everything for {refused} ms");
            Ok(vec![told, whole(&place), next(&place)])
        }
        Err(error) => {
            // Only this command could have completed the new store, and it did not.
            let released = release(&mut *old).await;
            environment.step("migrate.released");
            Err(match released {
                Ok(()) => error.context("the store was not moved, and is in use where it was"),
                Err(cause) => error.context(format!(
                    "the store was not moved; where it was it may be refused or not ({cause}): run the same command \
                     again, or with --give-up"
                )),
            })
        }
    }
}

/// Gives the old store back, if need be in several tries: what made the move fail may last a moment.
async fn release(old: &mut dyn OldStore) -> Result<(), Unavailable> {
    let mut released = old.release().await;
    for _ in 1..RELEASES {
        if released.is_ok() {
            break;
        }
        tokio::time::sleep(PAUSE).await;
        released = old.release().await;
    }
    released
}

fn whole(place: &str) -> String {
    format!("the store is complete at {place}, and nobody uses the old one any more")
}

fn next(place: &str) -> String {
    format!(
        "now stop every process of the service, name {place} in the table `store` of its configuration, and start it \
         again; until then it answers 503"
    )
}

/// Refuses a store that cannot be moved, or that goes elsewhere; whether it was moved before, by a command that did not end.
fn check_old(old: &dyn OldStore, place: &str) -> anyhow::Result<bool> {
    let birth: Birth = old.birth();
    if birth.groups > 1 {
        bail!(
            "a store that is divided into groups of keys is moved with the service stopped: see \"Moving a store\" in \
             docs/operating.md"
        );
    }
    birth.check_gap("that is to be moved")?;
    match old.going() {
        Some((to, true)) if to != place => bail!(
            "the store was moved to {to}, not to {place}: run the command with the configuration of that place, to end \
             the move or, with --give-up, to take it back"
        ),
        going => Ok(going.is_some_and(|(_, is_moved)| is_moved)),
    }
}

/// What goes on between the first thing that is done to either store and the last.
struct Course<'a> {
    old: &'a mut dyn OldStore,
    new: &'a NewStore,
    environment: &'a Environment,
    /// Since when nobody uses the old store.
    ended: Option<Instant>,
}

impl Course<'_> {
    /// Fills the new store, and ends the old one's reign on the way; how many records the new one has.
    async fn run<M: Movable>(&mut self, during: &Birth) -> anyhow::Result<u64> {
        let after = during.left();
        if after == *during {
            tracing::info!("the store was moved by a command that did not end; copying it anew");
        } else {
            self.copy_ahead::<M>().await?;
            self.environment.step("migrate.end.before");
            let before = Instant::now();
            self.old.end(&after).await?;
            self.ended = Some(before);
            self.environment.step("migrate.end.after");
        }
        self.round::<M>().await?;
        tracing::info!("nobody uses the old store any more; comparing it with the new one");
        let records = self.copy_rest::<M>().await?;
        self.environment.step("migrate.compared");
        Ok(records)
    }

    /// Copies in rounds until little changes during one.
    async fn copy_ahead<M: Movable>(&mut self) -> anyhow::Result<()> {
        let (mut before, mut in_vain) = (u64::MAX, 0);
        loop {
            let began = Instant::now();
            let changed = self.round::<M>().await?;
            let seconds = began.elapsed().as_secs();
            tracing::info!(
                thousands = changed / 1_000,
                seconds,
                "copied what had changed, while the store is in use"
            );
            self.environment.step("migrate.copied");
            in_vain += u32::from(changed >= before);
            if changed <= FEW || in_vain >= ROUNDS_IN_VAIN {
                return Ok(());
            }
            before = changed;
        }
    }

    async fn round<M: Movable>(&mut self) -> anyhow::Result<u64> {
        let (sink, source) = channel();
        let (sent, filled) = tokio::join!(self.old.round(sink), fill::<M>(self.new, source, Part::Ahead));
        match filled? {
            Filled { is_whole: true, .. } => Ok(sent.context("the old store")?),
            Filled { .. } => Err(broken(sent.map(drop))),
        }
    }

    /// Copies what was not copied ahead, and compares everything; how many records there are.
    async fn copy_rest<M: Movable>(&mut self) -> anyhow::Result<u64> {
        let (now, copies) = (self.environment.now(), self.old.copies());
        let (sink, source) = channel();
        let copying = copies.copy(Extent::Records, now, sink);
        let (copied, filled) = tokio::join!(copying, fill::<M>(self.new, source, Part::Rest));
        let Filled { tally, is_whole } = filled?;
        if !is_whole {
            return Err(broken(copied.map(drop)));
        }
        let of_old = copied.context("the old store")?;
        self.environment.step("migrate.filled");
        let (met, of_new) = walk::<M>(self.new, now).await?;
        let differences = tally.differences(&met);
        if !differences.is_empty() {
            bail!("the new store is not what the old one is: {}", differences.join("; "));
        }
        let found: Findings = of_old.into_iter().chain(of_new).collect();
        if let Some(first) = found.first() {
            bail!("the new store does not add up: {first} ({} findings)", found.len());
        }
        Ok(met.entries())
    }
}

/// A copy that broke off: only the old store knows why.
fn broken(copied: Result<(), Unavailable>) -> anyhow::Error {
    match copied {
        Err(cause) => anyhow::Error::new(cause).context("the old store"),
        Ok(()) => anyhow!("the old store did not yield all that is in it"),
    }
}
