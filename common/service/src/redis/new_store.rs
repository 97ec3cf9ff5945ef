//! A store on Redis that is being filled, from a backup or from another store that is being left. Its servers have no birth
//! record before it is complete; what stands for it is the key `restoring`, which says whose store it will be and which
//! command fills it. Every script compares that, so a command that another has taken the place of can do nothing more.

mod creation;
mod marker;
mod place;

use std::time::Duration;

use ::redis::{Arg, Pipeline};

pub(super) use self::creation::create;
use self::marker::{Marker, RESTORING};
use self::place::Place;
use super::group::{Group, Names};
use super::{Call, Deployment, OpenError, RedisStore, Script, Walk, Writes};
use crate::birth::Birth;
use crate::environment::Environment;
use crate::record;
use crate::redis_script;
use crate::unavailable::Unavailable;

static APPLY: Script = redis_script!("scripts/new_apply.lua");
static CLEAR: Script = redis_script!("scripts/new_clear.lua");
pub(super) static COMPLETE: Script = redis_script!("scripts/new_complete.lua");
static DROP: Script = redis_script!("scripts/new_drop.lua");
/// Commands of one script.
const TOGETHER: usize = 500;

/// What is found where a store is to be made.
pub enum Occupied {
    /// Nothing, or what an earlier command for the same store has left: it is emptied and may be filled.
    Not(NewStore),
    /// The store itself, complete.
    Complete,
}

/// What is found where a store was to be made that is not to be made any more.
pub enum Abandoned {
    /// Nothing of it.
    Nothing,
    /// A part. It is removed, but for what tells that nobody goes on making it.
    Part(NewStore),
    /// All of it: it is there, and stays.
    Complete,
}

/// A store that is being filled.
pub struct NewStore {
    store: RedisStore,
}

impl NewStore {
    /// Takes servers for the store with this birth record, to be filled by the command `run`. What an earlier command has
    /// left there is removed. Where the store was moved there already, something of it must be there: what is gone may have
    /// been complete, and used, and the old store knows nothing of that.
    ///
    /// # Errors
    /// The servers have another store or part of one, nothing of one that was moved there, or are not fit for money.
    pub async fn begin(
        deployment: &Deployment,
        birth: &Birth,
        run: [u8; 16],
        was_moved: bool,
        timeout: Duration,
        environment: Environment,
    ) -> Result<Occupied, OpenError> {
        let store_id = birth.store_id.0;
        let first = Place::find(deployment, Names::new(birth.service, 0), timeout).await?;
        match &first.birth {
            Some(found) if found.store_id.0 == store_id => return Ok(Occupied::Complete),
            None if was_moved && first.is_unmarked() => return Err(OpenError::Gone(first.describe())),
            _ => {}
        }
        // An earlier command may have begun more groups than are wanted now: nothing of them may be left.
        let groups = first.groups_begun(store_id).unwrap_or(0).max(birth.groups);
        let marker = Marker::Move { store_id, run, groups };
        let whole = birth.clone().with_groups(groups);
        let begun = Self::take_over(deployment, whole, first, marker, timeout, environment.clone()).await?;
        let failed = |cause| failed(deployment, &cause);
        begun.clear().await.map_err(failed)?;
        begun.drop_groups(birth.groups).await.map_err(failed)?;
        Ok(Occupied::Not(Self::known_by(deployment, birth.clone(), marker, timeout, environment).await?))
    }

    /// Takes servers that have nothing of any store for the one with this birth record, whose id no other has.
    ///
    /// # Errors
    /// The servers have a store or part of one, or are not fit for money.
    pub(super) async fn begin_empty(
        deployment: &Deployment,
        birth: &Birth,
        timeout: Duration,
        environment: Environment,
    ) -> Result<Self, OpenError> {
        let mut places = Vec::new();
        for number in 0..birth.groups.max(1) {
            let place = Place::find(deployment, Names::new(birth.service, number), timeout).await?;
            if place.birth.is_some() {
                let is_store = number == 0;
                let words = place.describe();
                return Err(if is_store { OpenError::Exists(words) } else { OpenError::Remainder(words) });
            }
            place.check_empty().await?;
            places.push(place);
        }
        let marker = Marker::Restore { store_id: birth.store_id.0 };
        for place in &mut places {
            place.take(marker, timeout).await?;
        }
        Self::known_by(deployment, birth.clone(), marker, timeout, environment).await
    }

    /// Makes sure that the store never comes to be there, and removes what there is of it, unless it is there already.
    ///
    /// # Errors
    /// The servers do not answer, so nothing is sure.
    pub async fn abandon(
        deployment: &Deployment,
        birth: &Birth,
        timeout: Duration,
        environment: Environment,
    ) -> Result<Abandoned, OpenError> {
        let store_id = birth.store_id.0;
        let first = Place::find(deployment, Names::new(birth.service, 0), timeout).await?;
        if let Some(found) = &first.birth {
            let is_it = found.store_id.0 == store_id;
            return Ok(if is_it { Abandoned::Complete } else { Abandoned::Nothing });
        }
        let Some(groups) = first.groups_begun(store_id) else { return Ok(Abandoned::Nothing) };
        // Nobody has this run, so nobody goes on.
        let marker = Marker::Move { store_id, run: [0; 16], groups };
        let birth = birth.clone().with_groups(groups);
        let given_up = Self::take_over(deployment, birth, first, marker, timeout, environment).await?;
        let failed = |cause| failed(deployment, &cause);
        given_up.clear().await.map_err(failed)?;
        given_up.drop_groups(1).await.map_err(failed)?;
        Ok(Abandoned::Part(given_up))
    }

    /// Removes the last trace of a store that was given up, which told until now that it never came to be there.
    ///
    /// # Errors
    /// The server did not answer in time.
    pub async fn forget(self) -> Result<(), Unavailable> {
        self.drop_groups(0).await
    }

    /// Puts the marker into every group of a store that is moved there, the first of which was looked at: whoever had put
    /// another there can do nothing more.
    async fn take_over(
        deployment: &Deployment,
        birth: Birth,
        mut first: Place,
        marker: Marker,
        timeout: Duration,
        environment: Environment,
    ) -> Result<Self, OpenError> {
        let store_id = birth.store_id.0;
        first.check_free_for(store_id).await?;
        first.take(marker, timeout).await?;
        for number in 1..birth.groups {
            let mut place = Place::find(deployment, Names::new(birth.service, number), timeout).await?;
            place.check_free_for(store_id).await?;
            place.take(marker, timeout).await?;
        }
        Self::known_by(deployment, birth, marker, timeout, environment).await
    }

    async fn known_by(
        deployment: &Deployment,
        birth: Birth,
        marker: Marker,
        timeout: Duration,
        environment: Environment,
    ) -> Result<Self, OpenError> {
        let mut groups = Vec::new();
        for number in 0..birth.groups {
            let names = Names::new(birth.service, number);
            let key = names.key(&[RESTORING]);
            groups.push(Group::known_by(deployment, names, key, marker.encode(), timeout).await?);
        }
        Ok(Self { store: RedisStore::of_groups(groups, birth, environment) })
    }

    /// The store as far as it is filled, for reading it.
    pub fn store(&self) -> RedisStore {
        self.store.clone()
    }

    /// Writes into it, still to be applied.
    pub fn writes(&self) -> Writes {
        let birth: &Birth = self.store.birth();
        Writes::new(birth.service, birth.groups)
    }

    /// Does what was written; the replicas have it.
    ///
    /// # Errors
    /// A server did not answer in time, or another command fills the store by now.
    pub async fn apply(&self, (group, pipeline): (usize, Pipeline)) -> Result<(), Unavailable> {
        let commands: Vec<_> = pipeline.cmd_iter().collect();
        let group = self.store.in_group(group);
        for some in commands.chunks(TOGETHER) {
            let mut call = Call::new().key(group.key(&[b"birth"]));
            for command in some {
                let arguments = command.args_iter();
                call = call.number(arguments.len() as u64);
                for argument in arguments {
                    let Arg::Simple(bytes) = argument else { continue };
                    call = call.arg(bytes);
                }
            }
            group.write::<()>(&APPLY, call).await?;
        }
        Ok(())
    }

    /// Writes the birth record: the store is there.
    ///
    /// # Errors
    /// As [`Self::apply`]; it may be there.
    pub async fn complete(self) -> Result<(), Unavailable> {
        let record = record::encode(self.store.birth()).map_err(Unavailable::because)?;
        let groups: Vec<_> = self.store.groups().collect();
        for group in groups.iter().rev() {
            let call = Call::new().key(group.key(&[b"birth"])).arg(record.clone());
            group.write::<()>(&COMPLETE, call).await?;
        }
        Ok(())
    }

    /// Removes the markers of all groups from this one on, the first of them at last: as long as it is there, this can be
    /// done again.
    async fn drop_groups(&self, from: u8) -> Result<(), Unavailable> {
        let groups: Vec<_> = self.store.groups().skip(usize::from(from)).collect();
        for group in groups.iter().rev() {
            group.write::<()>(&DROP, Call::new()).await?;
        }
        Ok(())
    }

    /// Removes everything but the marker.
    async fn clear(&self) -> Result<(), Unavailable> {
        for group in self.store.steadily().groups() {
            let mut walk = Walk::default();
            while let Some(names) = group.scan_keys(&mut walk, b"").await? {
                let doomed = names.iter().filter(|name| !name.starts_with(RESTORING));
                let call = doomed.fold(Call::new(), |call, name| call.key(group.key(&[name])));
                group.write::<()>(&CLEAR, call).await?;
            }
        }
        Ok(())
    }
}

fn failed(deployment: &Deployment, cause: &Unavailable) -> OpenError {
    OpenError::Failed { url: deployment.topology.describe(), cause: cause.to_string() }
}

#[cfg(test)]
mod tests;
