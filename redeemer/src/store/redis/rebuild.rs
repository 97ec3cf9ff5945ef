mod sets;

use farthing_protocol::BackupEntry;
use farthing_service::key_day::split_key_day;
use farthing_service::redis::{GroupWrites, Rebuild, Writes};
use farthing_service::{pinned_keys, record};

use super::VERSION;
use crate::publishers::Publisher;
use crate::redemption::IdempotencyMac;
use crate::store::backup_records::{Credit, SHORT_MARKS, UNCREDITED};
use crate::store::{KeptAnswer, RedeemedTotal};
use sets::Sets;

/// Makes a store on Redis of the records of a backup; docs/redis-keys.md has what it writes.
///
/// Where the store is divided, marks and kept answers go to the groups in which they are looked for. Credits and totals,
/// which are added up over all groups, go to the first.
#[derive(Debug, Default)]
pub struct RedisRebuild {
    sets: Sets,
}

impl Rebuild for RedisRebuild {
    fn write(&mut self, entry: BackupEntry, writes: &mut Writes) -> Result<(), String> {
        match entry.table.as_str() {
            "pinned-keys" => {
                let pinned = pinned_keys::write_to_redis(&entry, writes).map_err(words)?;
                self.sets.learn_capacity(entry.key, pinned.capacity);
                Ok(())
            }
            "spent-sets" => self.sets.open(entry, writes),
            "spent-marks" => self.sets.put_mark(&entry.key, writes),
            SHORT_MARKS => self.sets.put_short_mark(&entry.key, writes),
            "publishers" => write_publisher(&entry, writes.first()),
            "credits" => write_credit(&entry, writes.first()),
            "adjustments" | "statements" | "payouts" => {
                let (publisher, id) =
                    entry.key.split_first_chunk::<16>().ok_or("an entry is of no publisher")?;
                writes.first().field(&[entry.table.as_bytes(), b":", publisher], id, &entry.value);
                Ok(())
            }
            "redeemed-totals" => write_total(&entry, writes.first()),
            "kept-answers" => write_answer(&entry, writes),
            UNCREDITED => {
                writes.first().field(&[UNCREDITED.as_bytes()], &entry.key, &entry.value);
                Ok(())
            }
            other => {
                Err(format!("this release knows no table {other} there; install the release that wrote it"))
            }
        }
    }

    fn write_last(&mut self, writes: &mut Writes) -> Result<(), String> {
        self.sets.write_last(writes);
        Ok(())
    }
}

#[allow(clippy::needless_pass_by_value, reason = "that is how map_err passes it")]
fn words(error: impl ToString) -> String {
    error.to_string()
}

fn write_answer(entry: &BackupEntry, writes: &mut Writes) -> Result<(), String> {
    let kept: KeptAnswer = record::decode(&entry.value).map_err(words)?;
    let mac = <[u8; 32]>::try_from(entry.key.as_slice()).map_err(|_| "an answer's MAC has not 32 bytes")?;
    let home = writes.in_group(IdempotencyMac::from_bytes(mac).home());
    let name: &[&[u8]] = &[b"kept-answers:", &mac];
    home.field(name, "record", &entry.value);
    home.field(name, "forget-from", kept.forget_from.to_string());
    home.scored(&[b"kept-answers-by-end"], mac, kept.forget_from);
    Ok(())
}

fn write_publisher(entry: &BackupEntry, writes: &mut GroupWrites) -> Result<(), String> {
    let publisher: Publisher = record::decode(&entry.value).map_err(words)?;
    writes.field(&[b"publishers"], &entry.key, &entry.value);
    if let Some(name) = publisher.name() {
        writes.field(&[b"publisher-names"], name.as_str(), &entry.key);
    }
    for key in publisher.keys_in_force() {
        writes.field(&[b"api-keys"], key.hash.as_bytes(), &entry.key);
    }
    Ok(())
}

fn write_credit(entry: &BackupEntry, writes: &mut GroupWrites) -> Result<(), String> {
    let Credit { denomination, tokens } = record::decode(&entry.value).map_err(words)?;
    let (publisher, day) = entry.key.split_first_chunk::<16>().ok_or("a credit is of no publisher")?;
    let name: &[&[u8]] = &[b"credits:", &entry.key];
    writes.member(&[b"credit-entries:", publisher], day);
    writes.field(name, "version", VERSION.to_string());
    writes.field(name, "denomination", denomination.to_string());
    writes.field(name, "tokens", tokens.to_string());
    Ok(())
}

fn write_total(entry: &BackupEntry, writes: &mut GroupWrites) -> Result<(), String> {
    split_key_day(&entry.key).map_err(words)?;
    let RedeemedTotal { denomination, tokens } = record::decode(&entry.value).map_err(words)?;
    let name: &[&[u8]] = &[b"redeemed-total:", &entry.key];
    writes.member(&[b"redeemed-totals"], &entry.key);
    writes.field(name, "version", VERSION.to_string());
    writes.field(name, "denomination", denomination.to_string());
    writes.field(name, "tokens", tokens.to_string());
    Ok(())
}
