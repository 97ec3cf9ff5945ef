//! The new store as it is, before it is one.

use std::convert::Infallible;

use anyhow::Context;

use super::Movable;
use super::tally::Tally;
use crate::backup::{Books, Extent, Findings, channel};
use crate::redis::NewStore;

/// Walks through the new store: what is in it, and what in it does not add up.
pub(super) async fn walk<M: Movable>(new: &NewStore, now: u64) -> anyhow::Result<(Tally, Findings)> {
    let (copies, groups) = (M::of_redis(new.store()), new.store().groups().len());
    let (sink, source) = channel();
    let adding = tokio::task::spawn_blocking(move || {
        let (mut books, mut tally) = (M::Books::default(), Tally::of::<M>(groups));
        let Ok(_) = source.drain(|entry| {
            if !M::INDEXES.contains(&entry.table.as_str()) {
                tally.add(&entry);
            }
            books.add(entry);
            Ok::<_, Infallible>(())
        });
        (tally, books.findings())
    });
    let (own, added) = tokio::join!(copies.copy(Extent::Everything, now, sink), adding);
    let (tally, mut findings) = added.context("a comparison stopped")?;
    findings.extend(own.context("the new store")?);
    Ok((tally, findings))
}
