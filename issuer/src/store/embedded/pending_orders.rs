//! The orders that wait for payment, and how many do.

use farthing_protocol::Day;
use farthing_service::embedded::{Fault, Table, open, table};
use farthing_service::record;
use redb::{ReadTransaction, ReadableTable, WriteTransaction};

use crate::orders::{Claim, Order};
use crate::store::PendingCount;

/// The day on which an unpaid order expires, 4 bytes big-endian, and its claim, 32 bytes: nothing.
const PENDING: Table = table("pending-orders");
/// The day on which unpaid orders expire, 4 bytes big-endian: how many do.
const COUNTS: Table = table("pending-order-counts");

/// How many orders can still be paid on a day.
pub(super) fn count(transaction: &WriteTransaction, today: Day) -> Result<u64, Fault> {
    let counts = transaction.open_table(COUNTS)?;
    let first = day_key(today.plus(1));
    let mut sum = 0_u64;
    for entry in counts.range::<&[u8]>(first.as_slice()..)? {
        sum = sum.saturating_add(record::decode::<PendingCount>(entry?.1.value())?.orders);
    }
    Ok(sum)
}

/// Adds a new order.
pub(super) fn add(transaction: &WriteTransaction, order: &Order) -> Result<(), Fault> {
    transaction.open_table(PENDING)?.insert(entry_key(order).as_slice(), [].as_slice())?;
    change_count(transaction, order.expires, |count| count.saturating_add(1))
}

/// Takes an order out if it is in: those of earlier releases are not.
pub(super) fn remove(transaction: &WriteTransaction, order: &Order) -> Result<(), Fault> {
    let was_in = transaction.open_table(PENDING)?.remove(entry_key(order).as_slice())?.is_some();
    if was_in { change_count(transaction, order.expires, |count| count.saturating_sub(1)) } else { Ok(()) }
}

/// Whether orders expired on `last` or earlier.
pub(super) fn any_expired(transaction: &ReadTransaction, last: Day) -> Result<bool, Fault> {
    let Some(pending) = open(transaction, PENDING)? else { return Ok(false) };
    let beyond = day_key(last.plus(1));
    Ok(pending.range::<&[u8]>(..beyond.as_slice())?.next().transpose()?.is_some())
}

/// Takes out at most `limit` orders that expired on `last` or earlier; their claims.
pub(super) fn take_expired(
    transaction: &WriteTransaction,
    last: Day,
    limit: usize,
) -> Result<Vec<Claim>, Fault> {
    let mut pending = transaction.open_table(PENDING)?;
    let beyond = day_key(last.plus(1));
    let mut taken = Vec::new();
    for entry in pending.range::<&[u8]>(..beyond.as_slice())?.take(limit) {
        let key = <[u8; 36]>::try_from(entry?.0.value());
        taken.push(key.map_err(|_| Fault::because("a pending order has a key of another length"))?);
    }
    let mut claims = Vec::with_capacity(taken.len());
    for key in taken {
        pending.remove(key.as_slice())?;
        let (day, claim) = split(key);
        let day = Day::from_number(u32::from_be_bytes(day))
            .ok_or_else(|| Fault::because("a pending order expires on no day"))?;
        change_count(transaction, day, |count| count.saturating_sub(1))?;
        claims.push(Claim::from_bytes(claim));
    }
    Ok(claims)
}

fn change_count(
    transaction: &WriteTransaction,
    day: Day,
    change: impl FnOnce(u64) -> u64,
) -> Result<(), Fault> {
    let mut counts = transaction.open_table(COUNTS)?;
    let before: Option<PendingCount> =
        counts.get(day_key(day).as_slice())?.map(|bytes| record::decode(bytes.value())).transpose()?;
    let orders = change(before.unwrap_or_default().orders);
    if orders == 0 {
        counts.remove(day_key(day).as_slice())?;
    } else {
        counts.insert(day_key(day).as_slice(), record::encode(&PendingCount { orders })?.as_slice())?;
    }
    Ok(())
}

pub(super) fn day_key(day: Day) -> [u8; 4] {
    day.number().to_be_bytes()
}

pub(super) fn entry_key(order: &Order) -> [u8; 36] {
    let mut key = [0; 36];
    key[..4].copy_from_slice(&day_key(order.expires));
    key[4..].copy_from_slice(&order.claim.to_bytes());
    key
}

/// Day and claim of an entry's key.
fn split(key: [u8; 36]) -> ([u8; 4], [u8; 32]) {
    let (mut day, mut claim) = ([0; 4], [0; 32]);
    day.copy_from_slice(&key[..4]);
    claim.copy_from_slice(&key[4..]);
    (day, claim)
}
