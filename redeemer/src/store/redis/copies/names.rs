//! The names of all that a group counts.

use farthing_protocol::TokenKeyId;
use farthing_service::redis::{Content, RedisStore};
use farthing_service::unavailable::Unavailable;

use super::super::ledger::{credit_entries, credit_key};
use super::super::publishers::publishers_key;
use super::super::redeemed_totals::totals_key;
use super::super::spent_sets;
use super::counts::{CREDITS, Count, TOTALS};
use crate::publishers::PublisherId;

/// The names, as indexes have them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Names {
    pub(super) sets: Vec<TokenKeyId>,
    totals: Vec<Vec<u8>>,
    credits: Vec<(PublisherId, Vec<Vec<u8>>)>,
}

impl Names {
    /// The names that there are now.
    pub(super) async fn read(group: &RedisStore) -> Result<Self, Unavailable> {
        let credits = publishers(group).await?.into_iter().map(|id| (id, Vec::new())).collect();
        let empty = Self { sets: Vec::new(), totals: Vec::new(), credits };
        let indexes = group.read_keys(&empty.index_keys(group)).await?;
        empty.read_again(indexes)
    }

    /// The keys of the indexes.
    pub(super) fn index_keys(&self, group: &RedisStore) -> Vec<Vec<u8>> {
        let credits = self.credits.iter().map(|(publisher, _)| credit_entries(group, *publisher));
        [spent_sets::spent_sets(group), totals_key(group)].into_iter().chain(credits).collect()
    }

    /// Whether these were all names when `indexes` were read. Publishers are known in the first group, so of another they
    /// are not read at the same moment: where none has come up until later, none had come up then.
    pub(super) async fn are_still(
        &self,
        group: &RedisStore,
        indexes: Vec<Content>,
    ) -> Result<bool, Unavailable> {
        if self.read_again(indexes)? != *self {
            return Ok(false);
        }
        let known = self.credits.iter().map(|(publisher, _)| *publisher);
        Ok(publishers(group).await?.into_iter().eq(known))
    }

    fn read_again(&self, indexes: Vec<Content>) -> Result<Self, Unavailable> {
        let mut indexes = indexes.into_iter();
        let mut next = || indexes.next().unwrap_or(Content::Missing).into_members();
        let sets = next()
            .into_iter()
            .map(|id| Ok(TokenKeyId::from_bytes(id.as_slice().try_into().map_err(Unavailable::because)?)));
        let sets = sets.collect::<Result<_, Unavailable>>()?;
        let totals = next();
        let credits = self.credits.iter().map(|(publisher, _)| (*publisher, next())).collect();
        Ok(Self { sets, totals, credits })
    }

    /// The counts.
    pub(super) fn counts(&self, group: &RedisStore) -> Vec<Count> {
        let totals = self.totals.iter().map(|entry| Count {
            key: group.key(&[b"redeemed-total:", entry]),
            day: day_at(entry, 32),
            table: TOTALS,
            entry: entry.clone(),
        });
        let credits = self.credits.iter().flat_map(|(publisher, entries)| {
            entries.iter().map(|entry| Count {
                key: credit_key(group, *publisher, entry),
                day: day_at(entry, 0),
                table: CREDITS,
                entry: [publisher.as_bytes().as_slice(), entry].concat(),
            })
        });
        totals.chain(credits).collect()
    }
}

/// The publishers that there are now, in their order. None ever goes.
async fn publishers(group: &RedisStore) -> Result<Vec<PublisherId>, Unavailable> {
    let first = group.in_group(0);
    let found = first.read_key(publishers_key(&first)).await?.into_fields();
    let ids = found
        .into_iter()
        .map(|(id, _)| Ok(PublisherId::from_bytes(id.as_slice().try_into().map_err(Unavailable::because)?)));
    let mut ids = ids.collect::<Result<Vec<_>, Unavailable>>()?;
    ids.sort_by_key(|id| *id.as_bytes());
    Ok(ids)
}

/// The number of the day that stands there; beyond all days where none does, so that it is read with those of today.
fn day_at(entry: &[u8], at: usize) -> u32 {
    let bytes = entry.get(at..at + 4).and_then(|day| <[u8; 4]>::try_from(day).ok());
    bytes.map_or(u32::MAX, u32::from_be_bytes)
}
