use anyhow::{Context, bail};

use super::OldStore;
use crate::environment::Environment;
use crate::redis::Abandoned;
use crate::store_settings::StoreSettings;

/// Takes a move back that did not end: the old store is used again, and the new one never comes to be there. What the operator
/// is told. With `is_lost` the operator answers for it that nobody will ever use the new one, which does not answer; with
/// `was_stopped` a move that was under way has just been stopped.
///
/// # Errors
/// There is nothing to take back, the new store is complete, or whether it is cannot be known.
pub async fn give_up(
    mut old: Box<dyn OldStore>,
    to: &StoreSettings,
    is_lost: bool,
    was_stopped: bool,
    environment: &Environment,
) -> anyhow::Result<Vec<String>> {
    let place = to.describe();
    let going = old.going();
    let was_moved = match &going {
        Some((to, true)) if *to != place => bail!(
            "the store was moved to {to}, not to {place}: run the command with the configuration of that place"
        ),
        going => going.as_ref().is_some_and(|(_, was_moved)| *was_moved),
    };
    let mut was_moving = was_stopped || was_moved;
    if !was_moved && going.is_some() {
        // Without this mark nobody can move it, so the new store cannot become complete, whatever becomes of it.
        old.release().await?;
        environment.step("migrate.released");
        was_moving = true;
    }
    let mut given_up = None;
    match to.abandon_new(&old.birth(), environment.clone()).await {
        Ok(Abandoned::Complete) if was_moved => bail!(
            "the store is complete at {place}, and may be in use there: it cannot be given up; start the service on it"
        ),
        // A command that died has left its marker there. Without one the new store may have been complete, and used.
        Ok(Abandoned::Nothing) if was_moved && !is_lost => bail!(
            "the store was moved to {place}, and it is not there: if it was in use, restore its backup; if nobody ever \
             started a service on it, or will, add --new-store-lost"
        ),
        Ok(Abandoned::Part(part)) => {
            was_moving = true;
            given_up = Some(part);
        }
        Ok(Abandoned::Nothing | Abandoned::Complete) => {}
        Err(cause) if !was_moved => {
            tracing::warn!(%cause, "what was copied to the new place may still be there");
        }
        Err(cause) if is_lost => tracing::warn!(%cause, "the new store is taken for lost, as was said"),
        Err(cause) => {
            return Err(cause).context(
                "whether the new store is complete cannot be known, so the old one is not given back; mend it and run the \
                 command again, or, if nobody will ever start a service on it, with --new-store-lost",
            );
        }
    }
    if !was_moving {
        bail!("the store is not being moved: there is nothing to give up");
    }
    if was_moved {
        old.release().await?;
        environment.step("migrate.released");
    }
    // Only now: whoever repeats a command that died before must find that the new store never was.
    if let Some(part) = given_up
        && let Err(cause) = part.forget().await
    {
        tracing::warn!(%cause, "the key restoring is still at the new place");
    }
    Ok(vec![
        "the move is given up: the store is in use where it was; start the service if it does not run"
            .to_owned(),
    ])
}
