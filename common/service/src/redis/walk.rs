//! Reading a whole store on Redis: keys as they come, and any number of them as they are at one moment.

use std::sync::Arc;

use ::redis::{FromRedisValue, ParsingError, Value};

use super::group::Group;
use super::{Call, RedisStore, Script, Shared};
use crate::birth::Birth;
use crate::unavailable::Unavailable;
use crate::{record, redis_script};

static READ_KEYS: Script = redis_script!("scripts/read_keys.lua");
pub(super) static BIRTH_REPLACE: Script = redis_script!("scripts/birth_replace.lua");

/// Keys of one step of a walk.
const STEP: usize = 500;

/// The tables that both services have.
const OF_BOTH: &[&str] =
    &["birth", "birth-confirmed", "birth-move", "birth-changed", "pinned-keys", "pinned-digests"];
/// What a store has beside them as long as it is not whole.
const OF_NEW: &[&str] = &["restoring", "restoring-confirmed"];

/// What is under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Nothing.
    Missing,
    /// A string.
    Bytes(Vec<u8>),
    /// A hash's fields and values, in no order.
    Fields(Vec<(Vec<u8>, Vec<u8>)>),
    /// A set's members, in their order.
    Members(Vec<Vec<u8>>),
    /// A sorted set's members with their scores, which are whole numbers with us.
    Scored(Vec<(Vec<u8>, u64)>),
}

impl Content {
    /// A field of a hash.
    pub fn field(&self, name: &str) -> Option<&[u8]> {
        let Self::Fields(fields) = self else { return None };
        fields.iter().find(|(field, _)| field == name.as_bytes()).map(|(_, value)| value.as_slice())
    }

    /// A field of a hash that is a number.
    ///
    /// # Errors
    /// It is not there, or no number.
    pub fn number(&self, name: &str) -> Result<u64, Unavailable> {
        let text = self.field(name).and_then(|value| str::from_utf8(value).ok());
        let number = text.and_then(|text| text.parse().ok());
        number.ok_or_else(|| Unavailable::because(format!("a hash has no number in its field {name}")))
    }

    /// The fields of a hash; none where there is nothing.
    pub fn into_fields(self) -> Vec<(Vec<u8>, Vec<u8>)> {
        if let Self::Fields(fields) = self { fields } else { Vec::new() }
    }

    /// The members of a set; none where there is nothing.
    pub fn into_members(self) -> Vec<Vec<u8>> {
        if let Self::Members(members) = self { members } else { Vec::new() }
    }

    /// The members of a sorted set; none where there is nothing.
    pub fn into_scored(self) -> Vec<(Vec<u8>, u64)> {
        if let Self::Scored(members) = self { members } else { Vec::new() }
    }
}

impl FromRedisValue for Content {
    fn from_redis_value(value: Value) -> Result<Self, ParsingError> {
        let (kind, content): (String, Value) = FromRedisValue::from_redis_value(value)?;
        Ok(match kind.as_str() {
            "string" => Self::Bytes(Vec::from_redis_value(content)?),
            "hash" => Self::Fields(pairs(Vec::from_redis_value(content)?)),
            "set" => {
                let mut members: Vec<Vec<u8>> = Vec::from_redis_value(content)?;
                members.sort();
                Self::Members(members)
            }
            "zset" => Self::Scored(scored(pairs(Vec::from_redis_value(content)?))?),
            _ => Self::Missing,
        })
    }
}

fn pairs(flat: Vec<Vec<u8>>) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut flat = flat.into_iter();
    let mut pairs = Vec::with_capacity(flat.len() / 2);
    while let (Some(one), Some(other)) = (flat.next(), flat.next()) {
        pairs.push((one, other));
    }
    pairs
}

fn scored(pairs: Vec<(Vec<u8>, Vec<u8>)>) -> Result<Vec<(Vec<u8>, u64)>, &'static str> {
    let read = |(member, score): (Vec<u8>, Vec<u8>)| {
        let score = str::from_utf8(&score).ok().and_then(|text| text.parse().ok());
        Ok((member, score.ok_or("a score is no whole number")?))
    };
    pairs.into_iter().map(read).collect()
}

/// What is walked through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MembersOf {
    /// A set, whose members have no score: 0.
    Set,
    /// A sorted set with whole scores.
    SortedSet,
}

/// How far a walk through a [steady](RedisStore::steadily) store came.
#[derive(Debug, Default)]
pub struct Walk {
    cursor: u64,
    is_over: bool,
}

/// A step's answer: where to go on, and what was met.
type Found = (u64, Vec<Vec<u8>>);

impl RedisStore {
    /// The same store over connections of its own, one to each group of keys, that are not replaced: what is read over them
    /// comes from the servers with which it began, or not at all, and disturbs nobody.
    #[must_use]
    pub fn steadily(&self) -> Self {
        let Shared { groups, birth, environment, load } = &*self.shared;
        let groups = groups.iter().map(Group::steady).collect();
        let (birth, environment, load) = (birth.clone(), environment.clone(), load.clone());
        Self { shared: Arc::new(Shared { groups, birth, environment, load }), group: self.group }
    }

    /// Makes sure that the servers of a steady store are still those that take the writes: one that was cut off and
    /// replaced goes on answering whoever reaches it.
    ///
    /// # Errors
    /// One has lost its replicas, or did not answer in time.
    pub async fn check_followed(&self) -> Result<(), Unavailable> {
        for group in &self.shared.groups {
            group.check_followed().await?;
        }
        Ok(())
    }

    /// What is under each of these keys, all of it at one moment.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub async fn read_keys(&self, keys: &[Vec<u8>]) -> Result<Vec<Content>, Unavailable> {
        let call = keys.iter().fold(Call::new(), |call, key| call.key(key.clone()));
        self.run(&READ_KEYS, call).await
    }

    /// As [`Self::read_keys`], of one key.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub async fn read_key(&self, key: Vec<u8>) -> Result<Content, Unavailable> {
        Ok(self.read_keys(&[key]).await?.pop().unwrap_or(Content::Missing))
    }

    /// The next step of a walk through the keys whose names begin with `begin`: the rests of their names, or nothing at
    /// the end. A key that is there all the time comes at least once.
    ///
    /// # Errors
    /// The server did not answer in time, or was replaced since the walk began.
    pub async fn scan_keys(
        &self,
        walk: &mut Walk,
        begin: &[u8],
    ) -> Result<Option<Vec<Vec<u8>>>, Unavailable> {
        let prefix = self.key(&[begin]);
        let mut command = ::redis::cmd("SCAN");
        command.arg(walk.cursor).arg("MATCH").arg([prefix.as_slice(), b"*"].concat()).arg("COUNT").arg(STEP);
        let Some(keys) = self.go_on(walk, command).await? else { return Ok(None) };
        let rests = keys.iter().filter_map(|key| key.strip_prefix(prefix.as_slice()).map(<[u8]>::to_vec));
        Ok(Some(rests.collect()))
    }

    /// The next step of a walk through a set or sorted set: some of what is in it, or nothing at the end. A member that is
    /// there all the time comes at least once.
    ///
    /// # Errors
    /// As [`Self::scan_keys`], or the key is something else.
    pub async fn scan_members(
        &self,
        walk: &mut Walk,
        key: &[u8],
        kind: MembersOf,
    ) -> Result<Option<Vec<(Vec<u8>, u64)>>, Unavailable> {
        let mut command = ::redis::cmd(match kind {
            MembersOf::Set => "SSCAN",
            MembersOf::SortedSet => "ZSCAN",
        });
        command.arg(key).arg(walk.cursor).arg("COUNT").arg(STEP);
        let Some(found) = self.go_on(walk, command).await? else { return Ok(None) };
        Ok(Some(match kind {
            MembersOf::Set => found.into_iter().map(|member| (member, 0)).collect(),
            MembersOf::SortedSet => scored(pairs(found)).map_err(Unavailable::because)?,
        }))
    }

    /// Asks with each step for the birth record, which is there, and for a key that never is: where the keys go to another
    /// shard of a cluster the server refuses the one as soon as they go and the other once it went, and would walk through
    /// what is left as if that were all.
    async fn go_on(
        &self,
        walk: &mut Walk,
        command: ::redis::Cmd,
    ) -> Result<Option<Vec<Vec<u8>>>, Unavailable> {
        if walk.is_over {
            return Ok(None);
        }
        let here = self.here()?;
        // A server numbers the places of its own memory: another one would leave out what the walk has not met.
        if !here.connection.is_steady() {
            return Err(Unavailable::because("a store can be walked through only if it is steady"));
        }
        let mut asked = ::redis::pipe();
        asked.add_command(command).cmd("GET").arg(&here.birth_key);
        asked.cmd("EXISTS").arg(self.key(&[b"never"]));
        let ((next, found), birth, _): (Found, Option<Vec<u8>>, u8) =
            here.connection.ask(|mut server| async move { asked.query_async(&mut server).await }).await?;
        if birth.is_none() {
            return Err(Unavailable::because("the birth record went away while the store was read through"));
        }
        *walk = Walk { cursor: next, is_over: next == 0 };
        Ok(Some(found))
    }

    /// Looks whether any group of the store has anything but these tables: what is not known is not copied, and would be lost.
    ///
    /// # Errors
    /// It has, or the server did not answer in time.
    pub async fn check_known(&self, tables: &[&str]) -> Result<(), Unavailable> {
        for group in self.groups() {
            group.check_group_known(tables).await?;
        }
        Ok(())
    }

    async fn check_group_known(&self, tables: &[&str]) -> Result<(), Unavailable> {
        let mut walk = Walk::default();
        while let Some(names) = self.scan_keys(&mut walk, b"").await? {
            for name in names {
                let table = name.split(|byte| *byte == b':').next().unwrap_or_default();
                let is_known =
                    OF_BOTH.iter().chain(OF_NEW).chain(tables).any(|known| known.as_bytes() == table);
                if !is_known {
                    return Err(Unavailable::because(format!(
                        "it has a table {}, which this release does not copy: install the release that wrote it",
                        String::from_utf8_lossy(table)
                    )));
                }
            }
        }
        Ok(())
    }

    /// Puts another birth record in the place of the one that was opened, in each group, and in the first at last: what it
    /// says there holds. The store must be opened anew afterwards.
    ///
    /// # Errors
    /// As [`Self::write`].
    pub async fn replace_birth(&self, birth: Birth) -> Result<(), Unavailable> {
        let bytes = record::encode(&birth).map_err(Unavailable::because)?;
        for group in self.groups().rev() {
            group.write::<()>(&BIRTH_REPLACE, Call::new().arg(bytes.clone())).await?;
        }
        Ok(())
    }
}
