use async_trait::async_trait;
use farthing_service::redis::{Call, RedisStore, Script};
use farthing_service::unavailable::Unavailable;
use farthing_service::{record, redis_script};

use super::unreadable;
use crate::ledger::{Closing, Statement, StatementId, close};
use crate::publishers::PublisherId;
use crate::store::{Ledger, Statements};

/// Adds records to a publisher's statements or payouts, and returns whether all that was looked at was still as it was seen.
pub(super) static ADD: Script = redis_script!("scripts/records_add.lua");
/// Reads them.
pub(super) static READ: Script = redis_script!("scripts/records_read.lua");

/// How often a publisher whose records changed under our hands is read again before we give up.
pub(super) const TRIES: u32 = 8;

/// A hash: statement's id: statement.
pub(super) fn statements_key(store: &RedisStore, publisher: PublisherId) -> Vec<u8> {
    store.key(&[b"statements:", publisher.as_bytes()])
}

#[async_trait]
impl Statements for RedisStore {
    async fn close(&self, closing: Closing) -> Result<Vec<Statement>, Unavailable> {
        let publisher = closing.publisher;
        for _ in 0..TRIES {
            // In this order: what is entered in between, no statement has yet. Replicas have both, so that no statement
            // says what a failover takes back.
            let earlier = self.statements(publisher).await?;
            let entries = self.confirmed_entries(publisher).await?;
            let closed = close(&closing, &entries, &earlier).map_err(Unavailable::because)?;
            let mut call = Call::new().key(statements_key(self, publisher)).number(earlier.len() as u64);
            for statement in &closed {
                let record = record::encode(statement).map_err(unreadable)?;
                call = call.arg(statement.id().to_string()).arg(record);
            }
            if self.write(&ADD, call).await? {
                return Ok(closed);
            }
        }
        Err(Unavailable::because("a publisher's statements kept changing"))
    }

    async fn statements(&self, publisher: PublisherId) -> Result<Vec<Statement>, Unavailable> {
        // What a statement says is signed and paid, so it must be as safe as when it was closed.
        let call = Call::new().key(statements_key(self, publisher));
        let records: Vec<Vec<u8>> = self.confirm(&READ, call).await?;
        let statements = records.iter().map(|bytes| record::decode(bytes).map_err(unreadable));
        let mut statements = statements.collect::<Result<Vec<Statement>, _>>()?;
        statements.sort_by_key(Statement::id);
        Ok(statements)
    }

    async fn statement(
        &self,
        publisher: PublisherId,
        id: StatementId,
    ) -> Result<Option<Statement>, Unavailable> {
        let call = Call::new().key(statements_key(self, publisher)).arg(id.to_string());
        let records: Vec<Vec<u8>> = self.confirm(&READ, call).await?;
        records.first().map(|bytes| record::decode(bytes).map_err(unreadable)).transpose()
    }
}
