use std::collections::{BTreeMap, BTreeSet, HashSet};

use farthing_protocol::BackupEntry;
use sha2::{Digest, Sha256};

use super::Movable;

/// What was met in a walk through a store, so that two stores can be compared: of each table how many entries, and the sum
/// of their digests, which does not depend on their order.
#[derive(Debug)]
pub(super) struct Tally {
    tables: BTreeMap<String, Count>,
    /// Digests of what was met, where a walk may meet an entry twice.
    met: HashSet<[u8; 16]>,
    in_order: &'static [&'static str],
    compared: fn(&BackupEntry) -> BackupEntry,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Count {
    entries: u64,
    sum: (u128, u128),
}

impl Tally {
    /// Of a walk through a service's store, to be compared with one of so many groups of keys, or of these groups.
    pub(super) fn of<M: Movable>(groups: usize) -> Self {
        Self::new(M::IN_ORDER, if groups > 1 { M::undivided } else { BackupEntry::clone })
    }

    /// Of a walk that meets the entries of the tables `in_order` once; with what is `compared` of each entry.
    fn new(in_order: &'static [&'static str], compared: fn(&BackupEntry) -> BackupEntry) -> Self {
        Self { tables: BTreeMap::new(), met: HashSet::new(), in_order, compared }
    }

    pub(super) fn add(&mut self, entry: &BackupEntry) {
        let BackupEntry { table, key, value } = &(self.compared)(entry);
        let mut digest = Sha256::new();
        for part in [table.as_bytes(), key, value] {
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part);
        }
        let digest: [u8; 32] = digest.finalize().into();
        let (mut one, mut other) = ([0; 16], [0; 16]);
        one.copy_from_slice(&digest[..16]);
        other.copy_from_slice(&digest[16..]);
        if !self.in_order.contains(&table.as_str()) && !self.met.insert(one) {
            return;
        }
        if !self.tables.contains_key(table) {
            self.tables.insert(table.clone(), Count::default());
        }
        if let Some(count) = self.tables.get_mut(table) {
            count.entries += 1;
            count.sum.0 = count.sum.0.wrapping_add(u128::from_be_bytes(one));
            count.sum.1 = count.sum.1.wrapping_add(u128::from_be_bytes(other));
        }
    }

    /// How many entries there are.
    pub(super) fn entries(&self) -> u64 {
        self.tables.values().map(|count| count.entries).sum()
    }

    /// A line for each table that is otherwise in the new store.
    pub(super) fn differences(&self, new: &Self) -> Vec<String> {
        let names: BTreeSet<_> = self.tables.keys().chain(new.tables.keys()).collect();
        let of = |tally: &Self, name: &String| tally.tables.get(name).copied().unwrap_or_default();
        let differing = names.into_iter().filter(|name| of(self, name) != of(new, name));
        let line = |name: &String| {
            let (here, there) = (of(self, name).entries, of(new, name).entries);
            format!("{name} ({here} entries in the old store, {there} in the new one)")
        };
        differing.map(line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backup::entry;

    fn tally(entries: &[(&str, &str, &str)]) -> Tally {
        let mut tally = Tally::new(&["marks"], BackupEntry::clone);
        for (table, key, value) in entries {
            tally.add(&entry(table, *key, *value));
        }
        tally
    }

    #[test]
    fn neither_order_nor_repetition_makes_a_difference_and_everything_else_does() {
        let one =
            tally(&[("marks", "1", ""), ("marks", "2", ""), ("answers", "a", "x"), ("answers", "a", "x")]);
        let other = tally(&[("answers", "a", "x"), ("marks", "2", ""), ("marks", "1", "")]);
        assert_eq!((one.differences(&other), one.entries()), (Vec::new(), 3));
        for differing in [
            &[("marks", "1", ""), ("answers", "a", "x")][..],
            &[("marks", "1", ""), ("marks", "3", ""), ("answers", "a", "x")],
            &[("marks", "1", ""), ("marks", "1", ""), ("answers", "a", "x")],
            &[("marks", "1", ""), ("marks", "2", ""), ("answers", "a", "y")],
            &[("marks", "1", ""), ("marks", "2", ""), ("answers", "ax", "")],
            &[("marks", "1", ""), ("marks", "2", "")],
        ] {
            let lines = one.differences(&tally(differing));
            assert_eq!(lines.len(), 1, "{lines:?}");
            assert!(lines[0].contains(" entries in the old store, "), "{lines:?}");
        }
    }
}
