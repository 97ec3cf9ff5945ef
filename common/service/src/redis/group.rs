//! A group of keys: what lives in one shard of a cluster, and is changed by one script at a time.

use std::sync::Arc;
use std::time::Duration;

use ::redis::RedisError;

use super::check::Checks;
use super::commits::Commits;
use super::connection::{Connection, Link, Reached, Seeker, reach};
use super::mark::Found;
use super::{Address, Deployment, OpenError};
use crate::birth::{Birth, ServiceKind};
use crate::unavailable::Unavailable;

/// Makes the names of keys: `{farthing-redeemer}:publishers`, and in further groups `{farthing-redeemer-1}:...`. The
/// braces are Redis's hash tag.
#[derive(Debug, Clone, Copy)]
pub(super) struct Names {
    service: ServiceKind,
    group: u8,
}

impl Names {
    pub(super) const fn new(service: ServiceKind, group: u8) -> Self {
        Self { service, group }
    }

    pub(super) fn prefix(self) -> String {
        match self.group {
            0 => format!("{{farthing-{}}}:", self.service.name()),
            group => format!("{{farthing-{}-{group}}}:", self.service.name()),
        }
    }

    pub(super) fn key(self, parts: &[&[u8]]) -> Vec<u8> {
        let mut key = self.prefix().into_bytes();
        key.extend(parts.concat());
        key
    }

    pub(super) fn birth(self) -> Vec<u8> {
        self.key(&[b"birth"])
    }
}

/// The ways to the server that takes a group's writes.
pub(super) struct Group {
    /// The key of the birth record, or of what stands for it.
    pub(super) birth_key: Vec<u8>,
    /// As it was found when the group was opened.
    pub(super) birth_record: Vec<u8>,
    pub(super) connection: Connection,
    /// Where replicas must confirm.
    pub(super) commits: Option<Commits>,
}

impl Group {
    /// Connects to the server of a group, which must be of the store with this birth; the birth that it tells of. How gaps
    /// were closed is asked of the first group alone: whoever writes it there may have died before, in another group.
    pub(super) async fn open(
        deployment: &Deployment,
        names: Names,
        first: Option<&Birth>,
        timeout: Duration,
    ) -> Result<(Self, Birth), OpenError> {
        let Reached { mut link, address } = reach(deployment, &names.birth(), timeout).await?;
        let found = Found::read(&mut link.server, &address, &names.birth()).await?;
        let birth = found.birth(&address)?;
        let found = found.own(&address)?;
        if first.is_some_and(|first| !first.is_of_same_store(&birth)) {
            return Err(OpenError::Another(address.describe()));
        }
        Ok((Self::of(deployment, names, (names.birth(), found), link, timeout), birth))
    }

    /// Connects to the server of a group where this record is under this key, in the place of a birth record.
    pub(super) async fn known_by(
        deployment: &Deployment,
        names: Names,
        birth_key: Vec<u8>,
        birth_record: Vec<u8>,
        timeout: Duration,
    ) -> Result<Self, OpenError> {
        let Reached { link, .. } = reach(deployment, &birth_key, timeout).await?;
        Ok(Self::of(deployment, names, (birth_key, birth_record), link, timeout))
    }

    /// The same over a connection of its own, which is not replaced.
    pub(super) fn steady(&self) -> Self {
        Self {
            birth_key: self.birth_key.clone(),
            birth_record: self.birth_record.clone(),
            connection: self.connection.steady(),
            commits: self.commits.clone(),
        }
    }

    /// Makes sure that the server has the replicas that must confirm, if any must.
    pub(super) async fn check_followed(&self) -> Result<(), Unavailable> {
        if self.commits.is_none() {
            return Ok(());
        }
        let confirmed_key = [self.birth_key.as_slice(), b"-confirmed"].concat();
        self.connection.check_followed(&confirmed_key).await
    }

    fn of(
        deployment: &Deployment,
        names: Names,
        (birth_key, birth_record): (Vec<u8>, Vec<u8>),
        link: Link,
        timeout: Duration,
    ) -> Self {
        let checks = Checks { birth_key: birth_key.clone(), birth_record: birth_record.clone() };
        let seeker = Arc::new(Seeker::new(deployment.clone(), timeout, names.birth(), checks));
        let commits = (link.replicas > 0).then(|| Commits::start(Arc::clone(&seeker), timeout));
        let connection = Connection::new(seeker, link.server);
        Self { birth_key, birth_record, connection, commits }
    }
}

/// Waits until the replicas have what was written on the link.
pub(super) async fn confirm(link: &mut Link, address: &Address, timeout: Duration) -> Result<(), OpenError> {
    let wanted = link.replicas;
    if wanted == 0 {
        return Ok(());
    }
    let patience = u64::try_from((timeout / 2).as_millis()).unwrap_or(u64::MAX);
    let confirmed: u32 = query(link, address, ::redis::cmd("WAIT").arg(wanted).arg(patience)).await?;
    if confirmed < wanted { Err(OpenError::Unconfirmed(address.describe())) } else { Ok(()) }
}

async fn query<T: ::redis::FromRedisValue>(
    link: &mut Link,
    address: &Address,
    command: &::redis::Cmd,
) -> Result<T, OpenError> {
    let failed = |error: RedisError| OpenError::unreachable(address, &error);
    command.query_async(&mut link.server).await.map_err(failed)
}
