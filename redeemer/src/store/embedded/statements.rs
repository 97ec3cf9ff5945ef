use async_trait::async_trait;
use farthing_service::embedded::{EmbeddedStore, Fault, Table, open, table};
use farthing_service::record;
use farthing_service::unavailable::Unavailable;
use redb::WriteTransaction;

use super::ledger::{self, records_of};
use crate::ledger::{Closing, Statement, StatementId, close};
use crate::publishers::PublisherId;
use crate::store::Statements;

/// Publisher's id, 16 bytes, and the statement's as text, currency first: statement.
const STATEMENTS: Table = table("statements");

#[async_trait]
impl Statements for EmbeddedStore {
    async fn close(&self, closing: Closing) -> Result<Vec<Statement>, Unavailable> {
        let closed = self.write(move |transaction| match to_close(transaction, &closing) {
            Ok(closed) => keep(transaction, &closed).map(|()| Ok(closed)),
            // Nothing was written: one publisher's ledger need not spoil the other writes of the group.
            Err(fault) => Ok(Err(Unavailable::because(fault))),
        });
        closed.await?
    }

    async fn statements(&self, publisher: PublisherId) -> Result<Vec<Statement>, Unavailable> {
        self.read(move |transaction| {
            open(transaction, STATEMENTS)?
                .map_or_else(|| Ok(Vec::new()), |table| records_of(&table, publisher))
        })
        .await
    }

    async fn statement(
        &self,
        publisher: PublisherId,
        id: StatementId,
    ) -> Result<Option<Statement>, Unavailable> {
        self.read(move |transaction| {
            let Some(table) = open(transaction, STATEMENTS)? else { return Ok(None) };
            let found = table.get(key(publisher, id).as_slice())?;
            found.map(|bytes| record::decode(bytes.value())).transpose().map_err(Fault::from)
        })
        .await
    }
}

fn to_close(transaction: &WriteTransaction, closing: &Closing) -> Result<Vec<Statement>, Fault> {
    let entries = ledger::entries(transaction, closing.publisher)?;
    let earlier = all(transaction, closing.publisher)?;
    close(closing, &entries, &earlier).map_err(Fault::because)
}

/// A publisher's statements as they are in a transaction that writes.
pub(super) fn all(transaction: &WriteTransaction, publisher: PublisherId) -> Result<Vec<Statement>, Fault> {
    records_of(&transaction.open_table(STATEMENTS)?, publisher)
}

fn keep(transaction: &WriteTransaction, closed: &[Statement]) -> Result<(), Fault> {
    let mut table = transaction.open_table(STATEMENTS)?;
    for statement in closed {
        let key = key(statement.publisher, statement.id());
        table.insert(key.as_slice(), record::encode(statement)?.as_slice())?;
    }
    Ok(())
}

fn key(publisher: PublisherId, id: StatementId) -> Vec<u8> {
    [publisher.as_bytes().as_slice(), id.to_string().as_bytes()].concat()
}
