//! Answers that may be asked for again.

use async_trait::async_trait;
use farthing_service::embedded::{EmbeddedStore, Fault, Table, open, table};
use farthing_service::record;
use farthing_service::unavailable::Unavailable;
use redb::{ReadTransaction, ReadableTable, ReadableTableMetadata, WriteTransaction};

use crate::redemption::IdempotencyMac;
use crate::store::{KeptAnswer, KeptAnswers};

/// MAC of publisher and Idempotency-Key, 32 bytes: kept answer.
const ANSWERS: Table = table("kept-answers");
/// The second from which an answer is no longer kept, 8 bytes big-endian, and its MAC, 32 bytes: nothing.
const ANSWERS_BY_END: Table = table("kept-answers-by-end");

#[async_trait]
impl KeptAnswers for EmbeddedStore {
    async fn count_kept_answers(&self) -> Result<u64, Unavailable> {
        self.read(|transaction| {
            open(transaction, ANSWERS)?.map_or(Ok(0), |answers| answers.len().map_err(Fault::from))
        })
        .await
    }
}

/// The answer under `key`, if it is still kept at `now`.
pub(super) fn read(
    transaction: &ReadTransaction,
    key: &IdempotencyMac,
    now: u64,
) -> Result<Option<KeptAnswer>, Fault> {
    let Some(answers) = open(transaction, ANSWERS)? else { return Ok(None) };
    Ok(get(&answers, key)?.filter(|kept| now < kept.forget_from))
}

/// As [`read`], before something is written.
pub(super) fn find(
    transaction: &WriteTransaction,
    key: &IdempotencyMac,
    now: u64,
) -> Result<Option<KeptAnswer>, Fault> {
    Ok(get(&transaction.open_table(ANSWERS)?, key)?.filter(|kept| now < kept.forget_from))
}

/// Keeps an answer, in the place of one that is no longer kept if need be.
pub(super) fn keep(
    transaction: &WriteTransaction,
    key: &IdempotencyMac,
    kept: &KeptAnswer,
) -> Result<(), Fault> {
    let mut answers = transaction.open_table(ANSWERS)?;
    let mut ends = transaction.open_table(ANSWERS_BY_END)?;
    if let Some(old) = get(&answers, key)? {
        ends.remove(end_key(old.forget_from, key.as_bytes()).as_slice())?;
    }
    answers.insert(key.as_bytes().as_slice(), record::encode(kept)?.as_slice())?;
    ends.insert(end_key(kept.forget_from, key.as_bytes()).as_slice(), [].as_slice())?;
    Ok(())
}

/// Drops at most `limit` answers that are no longer kept at `now`; returns how many it dropped.
pub(super) fn drop_old(transaction: &WriteTransaction, now: u64, limit: usize) -> Result<usize, Fault> {
    let mut answers = transaction.open_table(ANSWERS)?;
    let mut ends = transaction.open_table(ANSWERS_BY_END)?;
    let beyond = now.saturating_add(1).to_be_bytes();
    let doomed: Vec<Vec<u8>> = ends
        .range::<&[u8]>(..beyond.as_slice())?
        .take(limit)
        .map(|entry| entry.map(|(key, _)| key.value().to_vec()))
        .collect::<Result<_, _>>()?;
    for end in &doomed {
        if let Some((_, key)) = end.split_first_chunk::<8>() {
            answers.remove(key)?;
        }
        ends.remove(end.as_slice())?;
    }
    Ok(doomed.len())
}

fn get(
    answers: &impl ReadableTable<&'static [u8], &'static [u8]>,
    key: &IdempotencyMac,
) -> Result<Option<KeptAnswer>, Fault> {
    answers.get(key.as_bytes().as_slice())?.map(|bytes| Ok(record::decode(bytes.value())?)).transpose()
}

pub(super) fn end_key(forget_from: u64, key: &[u8; 32]) -> Vec<u8> {
    [forget_from.to_be_bytes().as_slice(), key].concat()
}
