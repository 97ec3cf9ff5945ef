use std::collections::HashMap;

use farthing_protocol::BackupEntry;
use farthing_service::key_day::split_key_day;
use farthing_service::redis::{Rebuild, Writes};
use farthing_service::{pinned_keys, record};

use super::VERSION;
use super::spent_sets::{SET_VERSION, bucket_bits_of};
use crate::publishers::Publisher;
use crate::store::backup_records::{Credit, SHORT_MARKS, SpentSet, UNCREDITED};
use crate::store::{KeptAnswer, RedeemedTotal};

/// Makes a store on Redis of the records of a backup; docs/redis-keys.md has what it writes.
#[derive(Debug, Default)]
pub struct RedisRebuild {
    capacities: HashMap<Vec<u8>, u64>,
    /// By the ordinal that they have in the backup.
    sets: HashMap<[u8; 4], Set>,
}

/// A set that is being filled.
#[derive(Debug)]
struct Set {
    key: Vec<u8>,
    /// As the script that opens sets would have given it: from 1 on.
    ordinal: u32,
    bits: u32,
    marks: u64,
    witness: Option<[u8; 16]>,
}

impl Rebuild for RedisRebuild {
    fn write(&mut self, entry: BackupEntry, writes: &mut Writes) -> Result<(), String> {
        match entry.table.as_str() {
            "pinned-keys" => {
                let pinned = pinned_keys::write_to_redis(&entry, writes).map_err(words)?;
                self.capacities.insert(entry.key, pinned.capacity);
                Ok(())
            }
            "spent-sets" => self.write_set(entry, writes),
            "spent-marks" => self.write_mark(&entry.key, writes),
            SHORT_MARKS => self.write_short_mark(&entry.key, writes),
            "publishers" => write_publisher(&entry, writes),
            "credits" => write_credit(&entry, writes),
            "adjustments" | "statements" => {
                let (publisher, id) =
                    entry.key.split_first_chunk::<16>().ok_or("an entry is of no publisher")?;
                writes.field(&[entry.table.as_bytes(), b":", publisher], id, &entry.value);
                Ok(())
            }
            "redeemed-totals" => write_total(&entry, writes),
            "kept-answers" => {
                let kept: KeptAnswer = record::decode(&entry.value).map_err(words)?;
                let name: &[&[u8]] = &[b"kept-answers:", &entry.key];
                writes.field(name, "record", &entry.value);
                writes.field(name, "forget-from", kept.forget_from.to_string());
                writes.scored(&[b"kept-answers-by-end"], &entry.key, kept.forget_from);
                Ok(())
            }
            UNCREDITED => {
                writes.field(&[UNCREDITED.as_bytes()], &entry.key, &entry.value);
                Ok(())
            }
            other => {
                Err(format!("this release knows no table {other} there; install the release that wrote it"))
            }
        }
    }

    fn write_last(&mut self, writes: &mut Writes) -> Result<(), String> {
        let mut last = 0;
        for Set { key, ordinal, marks, witness, .. } in self.sets.values() {
            let name: &[&[u8]] = &[b"spent-set:", key];
            writes.field(name, "marks", marks.to_string());
            if let Some(witness) = witness {
                writes.field(name, "witness", witness);
            }
            last = last.max(*ordinal);
        }
        writes.string(&[b"spent-set-ordinal"], last.to_string());
        Ok(())
    }
}

impl RedisRebuild {
    fn write_set(&mut self, entry: BackupEntry, writes: &mut Writes) -> Result<(), String> {
        let set: SpentSet = record::decode(&entry.value).map_err(words)?;
        let capacity = self.capacities.get(&entry.key).copied().unwrap_or(0);
        let (ordinal, bits) = (set.ordinal.saturating_add(1), bucket_bits_of(capacity));
        let name: &[&[u8]] = &[b"spent-set:", &entry.key];
        writes.field(name, "version", SET_VERSION.to_string());
        writes.field(name, "redeem-until", set.redeem_until.number().to_string());
        writes.field(name, "closed", if set.closed { "1" } else { "0" });
        writes.field(name, "ordinal", ordinal.to_string());
        writes.field(name, "bucket-bits", bits.to_string());
        writes.member(&[b"spent-sets"], &entry.key);
        // A set may come again when it has been closed meanwhile.
        let filling = Set { key: entry.key, ordinal, bits, marks: 0, witness: None };
        self.sets.entry(set.ordinal.to_be_bytes()).or_insert(filling);
        Ok(())
    }

    fn write_mark(&mut self, key: &[u8], writes: &mut Writes) -> Result<(), String> {
        let (ordinal, mark) = key.split_first_chunk::<4>().ok_or("a mark is too short")?;
        let mark = <[u8; 16]>::try_from(mark).map_err(|_| "a mark has not 16 bytes")?;
        let set = self.sets.get_mut(ordinal).ok_or("a mark belongs to no spent set")?;
        let [a, b, c, ..] = mark;
        let bucket = u32::from_be_bytes([0, a, b, c]) >> (24 - set.bits);
        set.put(bucket, mark, writes);
        Ok(())
    }

    fn write_short_mark(&mut self, key: &[u8], writes: &mut Writes) -> Result<(), String> {
        let key = <[u8; 24]>::try_from(key).map_err(|_| "a short mark has another length")?;
        let (ordinal, rest) = key.split_first_chunk::<4>().ok_or("a mark is too short")?;
        let set = self.sets.get_mut(ordinal).ok_or("a mark belongs to no spent set")?;
        let (bits, rest) = rest.split_first().ok_or("a mark is too short")?;
        let (bucket, rest) = rest.split_first_chunk::<4>().ok_or("a mark is too short")?;
        if u32::from(*bits) != set.bits {
            return Err("a set of short marks is divided otherwise than its key's capacity says".to_owned());
        }
        let bucket = u32::from_be_bytes(*bucket);
        let mut mark = [0; 16];
        // As much of the first byte as is known: whoever looks for the witness needs no more.
        let first = bucket << (8 - set.bits);
        mark[0] = u8::try_from(first).map_err(|_| "a short mark is in no bucket")?;
        mark[1..].copy_from_slice(rest);
        set.put(bucket, mark, writes);
        Ok(())
    }
}

impl Set {
    fn put(&mut self, bucket: u32, mark: [u8; 16], writes: &mut Writes) {
        let [_, field @ ..] = mark;
        let place = format!("{}:{bucket}", self.ordinal);
        writes.field(&[b"marks:", place.as_bytes()], field, "");
        self.marks += 1;
        self.witness.get_or_insert(mark);
    }
}

#[allow(clippy::needless_pass_by_value, reason = "that is how map_err passes it")]
fn words(error: impl ToString) -> String {
    error.to_string()
}

fn write_publisher(entry: &BackupEntry, writes: &mut Writes) -> Result<(), String> {
    let publisher: Publisher = record::decode(&entry.value).map_err(words)?;
    writes.field(&[b"publishers"], &entry.key, &entry.value);
    writes.field(&[b"publisher-names"], publisher.name.as_str(), &entry.key);
    for key in publisher.keys.iter().filter(|key| !key.revoked) {
        writes.field(&[b"api-keys"], key.hash.as_bytes(), &entry.key);
    }
    Ok(())
}

fn write_credit(entry: &BackupEntry, writes: &mut Writes) -> Result<(), String> {
    let Credit { denomination, tokens } = record::decode(&entry.value).map_err(words)?;
    let (publisher, day) = entry.key.split_first_chunk::<16>().ok_or("a credit is of no publisher")?;
    let name: &[&[u8]] = &[b"credits:", &entry.key];
    writes.member(&[b"credit-entries:", publisher], day);
    writes.field(name, "version", VERSION.to_string());
    writes.field(name, "denomination", denomination.to_string());
    writes.field(name, "tokens", tokens.to_string());
    Ok(())
}

fn write_total(entry: &BackupEntry, writes: &mut Writes) -> Result<(), String> {
    split_key_day(&entry.key).map_err(words)?;
    let RedeemedTotal { denomination, tokens } = record::decode(&entry.value).map_err(words)?;
    let name: &[&[u8]] = &[b"redeemed-total:", &entry.key];
    writes.member(&[b"redeemed-totals"], &entry.key);
    writes.field(name, "version", VERSION.to_string());
    writes.field(name, "denomination", denomination.to_string());
    writes.field(name, "tokens", tokens.to_string());
    Ok(())
}
