//! Copies of an embedded store: everything as it was at one moment, while others go on writing.

use std::sync::{Arc, Weak};

use redb::{ReadTransaction, ReadableTable, TableHandle};

use super::file::{self, BIRTH};
use super::{EmbeddedStore, Fault, TableDefinition};
use crate::backup::{Sink, entry};
use crate::birth::Birth;
use crate::record;
use crate::unavailable::Unavailable;

/// Entries of a piece.
const PIECE: usize = 1_000;

impl EmbeddedStore {
    /// Sends every table's entries as they are now, those of the tables `first` before the others and in this order;
    /// neither the birth record nor the tables `without`, nor entries (table and key) that `skip` names. Takes as long as it
    /// takes.
    ///
    /// # Errors
    /// The store failed, or nobody takes the entries.
    pub async fn export(
        &self,
        first: &'static [&'static str],
        without: &'static [&'static str],
        skip: impl Fn(&str, &[u8]) -> bool + Send + 'static,
        sink: Sink,
    ) -> Result<Sink, Unavailable> {
        let (shared, birth) = (Arc::clone(&self.shared), Arc::clone(&self.birth));
        // Whoever stops waiting, because the service stops, is not to wait for the rest of a large store.
        let wanted = Arc::new(());
        let still_wanted = Arc::downgrade(&wanted);
        let copying = tokio::task::spawn_blocking(move || {
            shared.read(&birth, |transaction| {
                for name in tables(transaction, first, without)? {
                    copy(transaction, &name, &skip, &sink, &still_wanted)?;
                }
                Ok(sink)
            })
        });
        let copied = copying.await;
        drop(wanted);
        match copied {
            Ok(copied) => copied.map_err(Unavailable::from),
            Err(_) => Err(Unavailable::because("a read failed")),
        }
    }

    /// Puts another birth record in the place of the one that was opened. The store must be opened anew afterwards.
    ///
    /// # Errors
    /// As [`Self::write`].
    pub async fn replace_birth(&self, birth: Birth) -> Result<(), Unavailable> {
        self.write(move |transaction| {
            transaction.open_table(BIRTH)?.insert([].as_slice(), record::encode(&birth)?.as_slice())?;
            Ok(())
        })
        .await
    }
}

fn tables(transaction: &ReadTransaction, first: &[&str], without: &[&str]) -> Result<Vec<String>, Fault> {
    let all = transaction.list_tables()?.map(|table| table.name().to_owned());
    let mut wanted: Vec<String> =
        all.filter(|name| name != file::BIRTH_TABLE && !without.contains(&name.as_str())).collect();
    let place = |name: &String| first.iter().position(|other| other == name).unwrap_or(first.len());
    wanted.sort_by(|one, other| place(one).cmp(&place(other)).then_with(|| one.cmp(other)));
    Ok(wanted)
}

fn copy(
    transaction: &ReadTransaction,
    name: &str,
    skip: impl Fn(&str, &[u8]) -> bool,
    sink: &Sink,
    wanted: &Weak<()>,
) -> Result<(), Fault> {
    let table = transaction.open_table::<&[u8], &[u8]>(TableDefinition::new(name))?;
    let mut piece = Vec::with_capacity(PIECE);
    for found in table.iter()? {
        let (key, value) = found?;
        if skip(name, key.value()) {
            continue;
        }
        piece.push(entry(name, key.value(), value.value()));
        if piece.len() == PIECE {
            if wanted.strong_count() == 0 {
                return Err(Fault::because("nobody waits for the copy any more"));
            }
            sink.put_blocking(std::mem::take(&mut piece)).map_err(Fault::because)?;
        }
    }
    sink.put_blocking(piece).map_err(Fault::because)
}
