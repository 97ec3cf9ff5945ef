use ::redis::Pipeline;

use super::group::Names;
use crate::birth::ServiceKind;

/// Writes into a store that is being made: of each of its groups of keys those that go to its server together.
pub struct Writes {
    first: GroupWrites,
    others: Vec<GroupWrites>,
}

impl Writes {
    pub(super) fn new(service: ServiceKind, groups: u8) -> Self {
        let of = |group| GroupWrites { names: Names::new(service, group), pipeline: Pipeline::new() };
        Self { first: of(0), others: (1..groups).map(of).collect() }
    }

    /// How many groups there are.
    pub const fn groups(&self) -> usize {
        self.others.len() + 1
    }

    /// The first group, which has all that is not divided.
    pub const fn first(&mut self) -> &mut GroupWrites {
        &mut self.first
    }

    /// A group, counted from 0 and beginning anew after the last.
    pub fn in_group(&mut self, group: usize) -> &mut GroupWrites {
        let other = (group % self.groups()).checked_sub(1).and_then(|other| self.others.get_mut(other));
        other.unwrap_or(&mut self.first)
    }

    /// Each group.
    pub fn each(&mut self) -> impl Iterator<Item = &mut GroupWrites> {
        std::iter::once(&mut self.first).chain(&mut self.others)
    }

    /// Takes what waits in groups in which at least so much does, with the number of the group.
    pub(crate) fn take(&mut self, least: usize) -> impl Iterator<Item = (usize, Pipeline)> {
        let waiting = self.each().enumerate().filter(move |(_, writes)| writes.pipeline.len() >= least);
        waiting.map(|(group, writes)| (group, std::mem::take(&mut writes.pipeline)))
    }
}

/// The writes into one group of keys.
pub struct GroupWrites {
    names: Names,
    pipeline: Pipeline,
}

impl GroupWrites {
    /// Sets a string.
    pub fn string(&mut self, key: &[&[u8]], value: impl AsRef<[u8]>) {
        self.pipeline.cmd("SET").arg(self.names.key(key)).arg(value.as_ref()).ignore();
    }

    /// Sets a field of a hash.
    pub fn field(&mut self, key: &[&[u8]], field: impl AsRef<[u8]>, value: impl AsRef<[u8]>) {
        let key = self.names.key(key);
        self.pipeline.cmd("HSET").arg(key).arg(field.as_ref()).arg(value.as_ref()).ignore();
    }

    /// Adds a member to a set.
    pub fn member(&mut self, key: &[&[u8]], member: impl AsRef<[u8]>) {
        self.pipeline.cmd("SADD").arg(self.names.key(key)).arg(member.as_ref()).ignore();
    }

    /// Adds a member to a sorted set.
    pub fn scored(&mut self, key: &[&[u8]], member: impl AsRef<[u8]>, score: u64) {
        self.pipeline.cmd("ZADD").arg(self.names.key(key)).arg(score).arg(member.as_ref()).ignore();
    }

    /// Removes a member from a sorted set.
    pub fn unscored(&mut self, key: &[&[u8]], member: impl AsRef<[u8]>) {
        self.pipeline.cmd("ZREM").arg(self.names.key(key)).arg(member.as_ref()).ignore();
    }
}
