//! The sets themselves: which there are, and the marks in them.

use std::collections::HashSet;

use farthing_protocol::{Day, TokenKeyId};
use farthing_service::embedded::{Fault, Table, table};
use farthing_service::record;
use redb::{ReadTransaction, ReadableTable, ReadableTableMetadata, WriteTransaction};

use crate::redemption::SpentMark;
use crate::store::NewSet;
use crate::store::backup_records::SpentSet;

/// Token key id, 32 bytes: spent set.
const SETS: Table = table("spent-sets");
/// The set's ordinal, 4 bytes big-endian, and a mark, 16 bytes: nothing. The version of the set's record covers the
/// form of its marks.
const MARKS: Table = table(MARKS_TABLE);
pub(super) const MARKS_TABLE: &str = "spent-marks";

const MARK_KEY: usize = 4 + SpentMark::LENGTH;

/// A set that can take tokens, or no longer can.
#[derive(Debug, Clone, Copy)]
pub(super) enum Found {
    Open(u32),
    Closed,
}

/// Opens the sets of keys that never had one.
pub(super) fn open(transaction: &WriteTransaction, new: &[NewSet]) -> Result<(), Fault> {
    let mut sets = transaction.open_table(SETS)?;
    for NewSet { key, redeem_until, .. } in new {
        if sets.get(key.as_bytes().as_slice())?.is_some() {
            continue;
        }
        let ordinal = u32::try_from(sets.len()?).map_err(Fault::because)?;
        let set = SpentSet { ordinal, redeem_until: *redeem_until, closed: false };
        sets.insert(key.as_bytes().as_slice(), record::encode(&set)?.as_slice())?;
    }
    Ok(())
}

/// Finds the set of each key.
///
/// # Errors
/// A key has none, which means that it was lost: a set is opened before its key is used.
pub(super) fn find(
    transaction: &WriteTransaction,
    keys: impl Iterator<Item = TokenKeyId>,
) -> Result<Vec<Found>, Fault> {
    let sets = transaction.open_table(SETS)?;
    keys.map(|id| {
        let bytes = sets.get(id.as_bytes().as_slice())?;
        let bytes = bytes.ok_or_else(|| Fault::because("the spent set of a token key is missing"))?;
        let set: SpentSet = record::decode(bytes.value())?;
        Ok(if set.closed { Found::Closed } else { Found::Open(set.ordinal) })
    })
    .collect()
}

/// Which of these marks are in their sets.
pub(super) fn contained(
    transaction: &WriteTransaction,
    marks: impl Iterator<Item = (u32, SpentMark)>,
) -> Result<Vec<bool>, Fault> {
    let table = transaction.open_table(MARKS)?;
    marks
        .map(|(ordinal, mark)| Ok(table.get(mark_key(ordinal, mark.as_bytes()).as_slice())?.is_some()))
        .collect()
}

/// Puts marks into their sets.
pub(super) fn insert(
    transaction: &WriteTransaction,
    marks: impl Iterator<Item = (u32, SpentMark)>,
) -> Result<(), Fault> {
    let mut table = transaction.open_table(MARKS)?;
    for (ordinal, mark) in marks {
        table.insert(mark_key(ordinal, mark.as_bytes()).as_slice(), [].as_slice())?;
    }
    Ok(())
}

/// Closes the sets of keys whose `redeem_until` is at most `ended`.
pub(super) fn close(transaction: &WriteTransaction, ended: Day) -> Result<(), Fault> {
    let mut sets = transaction.open_table(SETS)?;
    let mut closing = Vec::new();
    for entry in sets.iter()? {
        let (id, bytes) = entry?;
        let set: SpentSet = record::decode(bytes.value())?;
        if !set.closed && set.redeem_until <= ended {
            closing.push((id.value().to_vec(), SpentSet { closed: true, ..set }));
        }
    }
    for (id, set) in closing {
        sets.insert(id.as_slice(), record::encode(&set)?.as_slice())?;
    }
    Ok(())
}

/// What the marks of closed sets begin with.
pub(super) fn closed(transaction: &ReadTransaction) -> Result<HashSet<Vec<u8>>, Fault> {
    let mut closed = HashSet::new();
    let Some(sets) = farthing_service::embedded::open(transaction, SETS)? else { return Ok(closed) };
    for entry in sets.iter()? {
        let set: SpentSet = record::decode(entry?.1.value())?;
        if set.closed {
            closed.insert(set.ordinal.to_be_bytes().to_vec());
        }
    }
    Ok(closed)
}

/// Drops at most `limit` marks of closed sets; returns how many it dropped.
pub(super) fn drop_closed(transaction: &WriteTransaction, limit: usize) -> Result<usize, Fault> {
    let sets = transaction.open_table(SETS)?;
    let mut marks = transaction.open_table(MARKS)?;
    let mut dropped = 0;
    for entry in sets.iter()? {
        let set: SpentSet = record::decode(entry?.1.value())?;
        if !set.closed {
            continue;
        }
        let (first, last) = (mark_key(set.ordinal, &[0; 16]), mark_key(set.ordinal, &[0xff; 16]));
        let doomed: Vec<Vec<u8>> = marks
            .range::<&[u8]>(first.as_slice()..=last.as_slice())?
            .take(limit - dropped)
            .map(|entry| entry.map(|(key, _)| key.value().to_vec()))
            .collect::<Result<_, _>>()?;
        for key in &doomed {
            marks.remove(key.as_slice())?;
        }
        dropped += doomed.len();
        if dropped >= limit {
            break;
        }
    }
    Ok(dropped)
}

fn mark_key(ordinal: u32, mark: &[u8; SpentMark::LENGTH]) -> [u8; MARK_KEY] {
    let mut key = [0; MARK_KEY];
    let parts = ordinal.to_be_bytes().into_iter().chain(*mark);
    key.iter_mut().zip(parts).for_each(|(byte, part)| *byte = part);
    key
}
