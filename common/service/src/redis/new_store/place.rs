//! Where a group of a new store is made.

use std::time::Duration;

use ::redis::RedisError;

use super::super::connection::{Reached, reach};
use super::super::group::{self, Names};
use super::super::{Deployment, OpenError};
use super::marker::{Marker, RESTORING};
use crate::birth::Birth;
use crate::record;

/// Called without a birth record, which there is none of.
const TAKE: &str = include_str!("../scripts/new_take.lua");
/// Called likewise.
const BIRTH: &str = include_str!("../scripts/new_birth.lua");
/// Reads both at one moment, on a full server too: that refuses to queue a transaction.
const LOOK: &str = include_str!("../scripts/new_look.lua");

/// What a group has before anything is done to it.
pub(super) struct Place {
    names: Names,
    reached: Reached,
    pub(super) birth: Option<Birth>,
    birth_record: Vec<u8>,
    marker: Option<Vec<u8>>,
}

impl Place {
    pub(super) async fn find(
        deployment: &Deployment,
        names: Names,
        timeout: Duration,
    ) -> Result<Self, OpenError> {
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

    /// The server in words.
    pub(super) fn describe(&self) -> String {
        self.reached.address.describe()
    }

    /// Whether nobody has begun to make a store there.
    pub(super) const fn is_unmarked(&self) -> bool {
        self.marker.is_none()
    }

    /// How many groups of keys of a store that is moved there earlier commands may have begun; nothing if none has.
    pub(super) fn groups_begun(&self, store_id: [u8; 16]) -> Option<u8> {
        match self.marker.as_deref().and_then(Marker::decode) {
            Some(Marker::Move { store_id: known, groups, .. }) if known == store_id => Some(groups),
            _ => None,
        }
    }

    /// Refuses a place that has anything of a store, whichever it is, but perhaps a birth record.
    pub(super) async fn check_empty(&self) -> Result<(), OpenError> {
        if let Some(marker) = &self.marker {
            return Err(Marker::refusal(marker, self.describe()));
        }
        if self.has_keys().await? { Err(OpenError::Remains(self.describe())) } else { Ok(()) }
    }

    /// Refuses a place that has anything but nothing, or what was left of this store by a move that did not end.
    pub(super) async fn check_free_for(&self, store_id: [u8; 16]) -> Result<(), OpenError> {
        if self.birth.as_ref().is_some_and(|found| found.store_id.0 != store_id) {
            return Err(OpenError::Exists(self.describe()));
        }
        match &self.marker {
            None if self.birth.is_none() => self.check_empty().await,
            Some(marker) if self.groups_begun(store_id).is_none() => {
                Err(Marker::refusal(marker, self.describe()))
            }
            _ => Ok(()),
        }
    }

    /// Puts a marker there, if everything is as it was found.
    pub(super) async fn take(&mut self, marker: Marker, timeout: Duration) -> Result<(), OpenError> {
        let script = ::redis::Script::new(TAKE);
        let mut call = script.key(self.names.key(&[RESTORING]));
        call.key(self.names.birth());
        call.arg(self.marker.as_deref().unwrap_or_default()).arg(marker.encode()).arg(&self.birth_record);
        let taken: Result<bool, _> = call.invoke_async(&mut self.reached.link.server).await;
        if !taken.map_err(|error| self.reached.failed(&error))? {
            return Err(OpenError::Taken(self.describe()));
        }
        group::confirm(&mut self.reached.link, &self.reached.address, timeout).await
    }

    /// Writes a birth record there, if everything is as it was found.
    pub(super) async fn write_birth(&mut self, birth: &[u8], timeout: Duration) -> Result<(), OpenError> {
        let script = ::redis::Script::new(BIRTH);
        let mut call = script.key(self.names.key(&[RESTORING]));
        call.key(self.names.birth()).arg(&self.birth_record).arg(birth);
        let written: Result<bool, _> = call.invoke_async(&mut self.reached.link.server).await;
        if !written.map_err(|error| self.reached.failed(&error))? {
            return Err(OpenError::Taken(self.describe()));
        }
        group::confirm(&mut self.reached.link, &self.reached.address, timeout).await
    }

    /// Whether there is anything beside a birth record.
    async fn has_keys(&self) -> Result<bool, OpenError> {
        let (mut cursor, mut server) = (0_u64, self.reached.link.server.clone());
        let of_birth = [self.names.birth(), self.names.key(&[b"birth-confirmed"])];
        loop {
            let mut scan = ::redis::cmd("SCAN");
            scan.arg(cursor).arg("MATCH").arg(format!("{}*", self.names.prefix())).arg("COUNT").arg(1_000);
            let (next, keys): (u64, Vec<Vec<u8>>) =
                scan.query_async(&mut server).await.map_err(|error| self.reached.failed(&error))?;
            cursor = next;
            let has_others = keys.iter().any(|key| !of_birth.contains(key));
            if cursor == 0 || has_others {
                return Ok(has_others);
            }
        }
    }
}

impl Reached {
    fn failed(&self, error: &RedisError) -> OpenError {
        OpenError::unreachable(&self.address, error)
    }
}
