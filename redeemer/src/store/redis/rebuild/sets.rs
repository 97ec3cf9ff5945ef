//! The sets of spent tokens of a store that is being made: in each group one of every key, with the marks that belong there.

use std::collections::HashMap;

use farthing_protocol::BackupEntry;
use farthing_service::record;
use farthing_service::redis::Writes;

use super::super::spent_sets::{SET_VERSION, bucket_bits_of};
use super::words;
use crate::redemption::SpentMark;
use crate::store::backup_records::SpentSet;

/// The sets that were met.
#[derive(Debug, Default)]
pub(super) struct Sets {
    /// By token key id.
    capacities: HashMap<Vec<u8>, u64>,
    /// By the ordinal that they have in the backup.
    filling: HashMap<[u8; 4], Filling>,
}

/// A set that is being filled.
#[derive(Debug)]
struct Filling {
    key: Vec<u8>,
    /// As the script that opens sets would have given it: from 1 on, and in each group the same.
    ordinal: u32,
    bits: u32,
    groups: Vec<Part>,
}

/// What of it lies in a group.
#[derive(Debug, Clone, Default)]
struct Part {
    marks: u64,
    witness: Option<[u8; 16]>,
}

impl Sets {
    pub(super) fn learn_capacity(&mut self, key: Vec<u8>, capacity: u64) {
        self.capacities.insert(key, capacity);
    }

    /// Opens a set in each group. It may come again when it has been closed meanwhile.
    pub(super) fn open(&mut self, entry: BackupEntry, writes: &mut Writes) -> Result<(), String> {
        let set: SpentSet = record::decode(&entry.value).map_err(words)?;
        let capacity = self.capacities.get(&entry.key).copied().unwrap_or(0);
        let groups = writes.groups();
        let (ordinal, bits) = (set.ordinal.saturating_add(1), bucket_bits_of(capacity, groups as u64));
        let name: &[&[u8]] = &[b"spent-set:", &entry.key];
        for group in writes.each() {
            group.field(name, "version", SET_VERSION.to_string());
            group.field(name, "redeem-until", set.redeem_until.number().to_string());
            group.field(name, "closed", if set.closed { "1" } else { "0" });
            group.field(name, "ordinal", ordinal.to_string());
            group.member(&[b"spent-sets"], &entry.key);
        }
        let filling = Filling { key: entry.key, ordinal, bits, groups: vec![Part::default(); groups] };
        self.filling.entry(set.ordinal.to_be_bytes()).or_insert(filling);
        Ok(())
    }

    pub(super) fn put_mark(&mut self, key: &[u8], writes: &mut Writes) -> Result<(), String> {
        let (ordinal, mark) = key.split_first_chunk::<4>().ok_or("a mark is too short")?;
        let mark = <[u8; 16]>::try_from(mark).map_err(|_| "a mark has not 16 bytes")?;
        let set = self.filling.get_mut(ordinal).ok_or("a mark belongs to no spent set")?;
        let [a, b, c, ..] = mark;
        let bucket = u32::from_be_bytes([0, a, b, c]) >> (24 - set.bits);
        set.put(bucket, mark, writes);
        Ok(())
    }

    /// A mark whose bucket is known, and of its first byte no more.
    pub(super) fn put_short_mark(&mut self, key: &[u8], writes: &mut Writes) -> Result<(), String> {
        let key = <[u8; 24]>::try_from(key).map_err(|_| "a short mark has another length")?;
        let (ordinal, rest) = key.split_first_chunk::<4>().ok_or("a mark is too short")?;
        let set = self.filling.get_mut(ordinal).ok_or("a mark belongs to no spent set")?;
        let (bits, rest) = rest.split_first().ok_or("a mark is too short")?;
        let (bucket, rest) = rest.split_first_chunk::<4>().ok_or("a mark is too short")?;
        let (bits, bucket) = (u32::from(*bits), u32::from_be_bytes(*bucket));
        if bits >= 8 {
            return Err("a short mark says more than it has".to_owned());
        }
        if bits < set.bits {
            // It comes from a store that is divided into more groups: the set has as few buckets here as it had there.
            if set.groups.iter().any(|part| part.marks > 0) {
                return Err("the short marks of a set are divided in several ways".to_owned());
            }
            set.bits = bits;
        }
        let mut mark = [0; 16];
        // As much of the first byte as is known: whoever looks for the witness needs no more.
        let first = u8::try_from(u64::from(bucket) << (8 - bits));
        mark[0] = first.map_err(|_| "a short mark is in no bucket")?;
        mark[1..].copy_from_slice(rest);
        set.put(bucket >> (bits - set.bits), mark, writes);
        Ok(())
    }

    /// Writes what is known of each set when all its marks are there.
    pub(super) fn write_last(&self, writes: &mut Writes) {
        let last = self.filling.values().map(|set| set.ordinal).max().unwrap_or(0);
        for (number, group) in writes.each().enumerate() {
            for set in self.filling.values() {
                let name: &[&[u8]] = &[b"spent-set:", &set.key];
                group.field(name, "bucket-bits", set.bits.to_string());
                let part = set.groups.get(number).cloned().unwrap_or_default();
                group.field(name, "marks", part.marks.to_string());
                if let Some(witness) = part.witness {
                    group.field(name, "witness", witness);
                }
            }
            group.string(&[b"spent-set-ordinal"], last.to_string());
        }
    }
}

impl Filling {
    /// Puts a mark where a redemption looks for it.
    fn put(&mut self, bucket: u32, mark: [u8; 16], writes: &mut Writes) {
        let [_, field @ ..] = mark;
        let place = format!("{}:{bucket}", self.ordinal);
        let group = SpentMark::from_bytes(mark).group(self.groups.len());
        writes.in_group(group).field(&[b"marks:", place.as_bytes()], field, "");
        if let Some(part) = self.groups.get_mut(group) {
            part.marks += 1;
            part.witness.get_or_insert(mark);
        }
    }
}
