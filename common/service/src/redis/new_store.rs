//! A store on Redis that is being filled while another is being left. Its servers have no birth record before it is
//! complete; what stands for it is the key `restoring`, which says whose store it will be and which command fills it.
//! Every script compares that, so a command that another has taken the place of can do nothing more.

use std::time::Duration;

use ::redis::{Arg, Pipeline, RedisError};
use data_encoding::HEXLOWER;

use super::connection::{Reached, reach};
use super::group::{self, Group, Names};
use super::rebuild::RESTORING;
use super::{Call, Deployment, OpenError, RedisStore, Script, Writes};
use crate::birth::Birth;
use crate::environment::Environment;
use crate::record;
use crate::redis_script;
use crate::unavailable::Unavailable;

static APPLY: Script = redis_script!("scripts/new_apply.lua");
static CLEAR: Script = redis_script!("scripts/new_clear.lua");
static COMPLETE: Script = redis_script!("scripts/new_complete.lua");
static DROP: Script = redis_script!("scripts/new_drop.lua");
/// Called without a birth record, which there is none of.
const TAKE: &str = include_str!("scripts/new_take.lua");
/// Reads both at one moment, on a full server too: that refuses to queue a transaction.
const LOOK: &str = include_str!("scripts/new_look.lua");

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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Abandoned {
    /// Nothing of it.
    Nothing,
    /// A part, which is removed.
    Part,
    /// All of it: it is there, and stays.
    Complete,
}

/// A store that is being filled.
pub struct NewStore {
    store: RedisStore,
}

/// What stands for a birth record.
struct Marker {
    store_id: [u8; 16],
    /// Which command fills it; none once it was given up.
    run: [u8; 16],
    groups: u8,
}

impl Marker {
    fn encode(&self) -> Vec<u8> {
        let Self { store_id, run, groups } = self;
        format!("move {} {} {groups}", HEXLOWER.encode(store_id), HEXLOWER.encode(run)).into_bytes()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut words = str::from_utf8(bytes).ok()?.strip_prefix("move ")?.split(' ');
        let mut id = || HEXLOWER.decode(words.next()?.as_bytes()).ok()?.try_into().ok();
        let (store_id, run) = (id()?, id()?);
        Some(Self { store_id, run, groups: words.next()?.parse().ok()? })
    }
}

/// What a group has before anything is done to it.
struct Site {
    names: Names,
    reached: Reached,
    birth: Option<Birth>,
    birth_record: Vec<u8>,
    marker: Option<Vec<u8>>,
}

impl Site {
    async fn find(deployment: &Deployment, names: Names, timeout: Duration) -> Result<Self, OpenError> {
        let mut reached = reach(deployment, &names.birth(), timeout).await?;
        let script = ::redis::Script::new(LOOK);
        let mut looking = script.key(names.key(&[RESTORING]));
        looking.key(names.birth());
        let looked = looking.invoke_async(&mut reached.link.server).await;
        let (marker, found): (_, Option<Vec<u8>>) = looked.map_err(|error| reached.failed(&error))?;
        let birth = found.as_deref().map(record::decode);
        let birth = birth.transpose().map_err(|error| OpenError::failed(&reached.address, &error))?;
        Ok(Self { names, reached, birth, birth_record: found.unwrap_or_default(), marker })
    }

    /// Puts a marker where there is nothing of a store, or what was left of this one.
    async fn take(&mut self, marker: &Marker, timeout: Duration) -> Result<(), OpenError> {
        let place = || self.reached.address.describe();
        if self.birth.as_ref().is_some_and(|found| found.store_id.0 != marker.store_id) {
            return Err(OpenError::Exists(place()));
        }
        match &self.marker {
            None if self.birth.is_none() && self.has_keys().await? => {
                return Err(OpenError::Remains(place()));
            }
            None => {}
            Some(bytes) => match Marker::decode(bytes) {
                Some(known) if known.store_id == marker.store_id => {}
                Some(_) => return Err(OpenError::HalfMoved(place())),
                None => return Err(OpenError::HalfRestored(place())),
            },
        }
        let script = ::redis::Script::new(TAKE);
        let mut call = script.key(self.names.key(&[RESTORING]));
        call.key(self.names.birth());
        call.arg(self.marker.as_deref().unwrap_or_default()).arg(marker.encode()).arg(&self.birth_record);
        let link = &mut self.reached.link;
        let taken: Result<bool, _> = call.invoke_async(&mut link.server).await;
        if !taken.map_err(|error| self.reached.failed(&error))? {
            return Err(OpenError::HalfMoved(self.reached.address.describe()));
        }
        group::confirm(&mut self.reached.link, &self.reached.address, timeout).await
    }

    async fn has_keys(&self) -> Result<bool, OpenError> {
        let (mut cursor, mut server) = (0_u64, self.reached.link.server.clone());
        loop {
            let mut scan = ::redis::cmd("SCAN");
            scan.arg(cursor).arg("MATCH").arg(format!("{}*", self.names.prefix())).arg("COUNT").arg(1_000);
            let (next, keys): (u64, Vec<Vec<u8>>) =
                scan.query_async(&mut server).await.map_err(|error| self.reached.failed(&error))?;
            cursor = next;
            if cursor == 0 || !keys.is_empty() {
                return Ok(!keys.is_empty());
            }
        }
    }
}

impl Reached {
    fn failed(&self, error: &RedisError) -> OpenError {
        OpenError::unreachable(&self.address, error)
    }
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
        let marker = Marker { store_id: birth.store_id.0, run, groups: birth.groups };
        for number in 0..birth.groups {
            let mut site = Site::find(deployment, Names::new(birth.service, number), timeout).await?;
            match &site.birth {
                Some(found) if found.store_id != birth.store_id => {
                    return Err(OpenError::Exists(site.reached.address.describe()));
                }
                Some(_) if number == 0 => return Ok(Occupied::Complete),
                None if number == 0 && was_moved && site.marker.is_none() => {
                    return Err(OpenError::Gone(site.reached.address.describe()));
                }
                // Only the first group's makes the store.
                _ => site.take(&marker, timeout).await?,
            }
        }
        let new = Self::known_by(deployment, birth.clone(), &marker, timeout, environment).await?;
        new.clear().await.map_err(|cause| OpenError::Failed {
            url: deployment.topology.describe(),
            cause: cause.to_string(),
        })?;
        Ok(Occupied::Not(new))
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
        let mut site = Site::find(deployment, Names::new(birth.service, 0), timeout).await?;
        if let Some(found) = site.birth {
            let is_it = found.store_id == birth.store_id;
            return Ok(if is_it { Abandoned::Complete } else { Abandoned::Nothing });
        }
        let known = site.marker.as_deref().and_then(Marker::decode);
        let Some(known) = known.filter(|known| known.store_id == birth.store_id.0) else {
            return Ok(Abandoned::Nothing);
        };
        // Nobody has this run, so nobody goes on.
        let marker = Marker { run: [0; 16], ..known };
        site.take(&marker, timeout).await?;
        let failed = |cause: Unavailable| OpenError::Failed {
            url: deployment.topology.describe(),
            cause: cause.to_string(),
        };
        for number in 1..marker.groups {
            Site::find(deployment, Names::new(birth.service, number), timeout)
                .await?
                .take(&marker, timeout)
                .await?;
        }
        let birth = birth.clone().with_groups(marker.groups);
        let given_up = Self::known_by(deployment, birth, &marker, timeout, environment).await?;
        given_up.clear().await.map_err(failed)?;
        // The first group's last: as long as it is there, this can be done again.
        let groups: Vec<_> = given_up.store.groups().collect();
        for group in groups.iter().rev() {
            group.write::<()>(&DROP, Call::new()).await.map_err(failed)?;
        }
        Ok(Abandoned::Part)
    }

    async fn known_by(
        deployment: &Deployment,
        birth: Birth,
        marker: &Marker,
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
        for some in commands.chunks(TOGETHER) {
            let mut call = Call::new();
            for command in some {
                let arguments = command.args_iter();
                call = call.number(arguments.len() as u64);
                for argument in arguments {
                    let Arg::Simple(bytes) = argument else { continue };
                    call = call.arg(bytes);
                }
            }
            self.store.in_group(group).write::<()>(&APPLY, call).await?;
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

    /// Removes everything but the marker.
    async fn clear(&self) -> Result<(), Unavailable> {
        for group in self.store.groups() {
            let mut cursor = 0;
            loop {
                let (next, names) = group.scan_keys(cursor, b"").await?;
                let doomed = names.iter().filter(|name| !name.starts_with(RESTORING));
                let call = doomed.fold(Call::new(), |call, name| call.key(group.key(&[name])));
                group.write::<()>(&CLEAR, call).await?;
                cursor = next;
                if cursor == 0 {
                    break;
                }
            }
        }
        Ok(())
    }
}
