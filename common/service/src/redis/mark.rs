//! The birth record as a server has it, and the mark of a store that is being left or was.

use ::redis::aio::MultiplexedConnection;

use super::{Address, OpenError};
use crate::birth::Birth;
use crate::record;

/// What the name of the mark adds to that of the birth record: a hash.
pub(super) const MARK: &str = "-move";
/// What the name of the log of changes adds: a set of names of keys.
pub(super) const CHANGED: &str = "-changed";

/// Reads both at one moment. A transaction would do as well, but a server that is full refuses to queue even what only
/// reads.
const READ: &str = include_str!("scripts/mark_read.lua");

/// What is under the key of the birth record, or of what stands for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) record: Vec<u8>,
    pub(super) mark: Option<Mark>,
}

/// The store is being left, or was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mark {
    /// The birth record before: by it those know the store who use it.
    pub(super) before: Vec<u8>,
    pub(super) is_moved: bool,
    pub(super) to: String,
}

impl Found {
    /// Reads it, as it is at one moment.
    pub(super) async fn read(
        server: &mut MultiplexedConnection,
        address: &Address,
        key: &[u8],
    ) -> Result<Self, OpenError> {
        type Fields = (Option<Vec<u8>>, Option<Vec<u8>>, Option<String>, Option<String>);
        let mark = [key, MARK.as_bytes()].concat();
        let script = ::redis::Script::new(READ);
        let mut reading = script.key(key);
        let (record, fields): (Option<Vec<u8>>, Fields) = reading
            .key(mark)
            .invoke_async(server)
            .await
            .map_err(|error| OpenError::unreachable(address, &error))?;
        let record = record.ok_or_else(|| OpenError::Unborn(address.describe()))?;
        let mark = match fields {
            (Some(before), Some(during), Some(state), Some(to)) if during == record => {
                Some(Mark { before, is_moved: state != "moving", to })
            }
            _ => None,
        };
        Ok(Self { record, mark })
    }

    /// The birth record by which whoever uses the store knows it.
    pub(super) fn own(self, address: &Address) -> Result<Vec<u8>, OpenError> {
        match self.mark {
            Some(Mark { is_moved: true, to, .. }) => Err(OpenError::Moved { url: address.describe(), to }),
            Some(Mark { before, .. }) => Ok(before),
            None => Ok(self.record),
        }
    }

    /// What it says, as of before a move.
    pub(super) fn birth(&self, address: &Address) -> Result<Birth, OpenError> {
        let bytes = self.mark.as_ref().map_or(&self.record, |mark| &mark.before);
        let birth: Birth = record::decode(bytes).map_err(|error| OpenError::failed(address, &error))?;
        if birth.leaving.is_some() {
            return Err(OpenError::failed(address, &"its birth record is of a move, whose mark is gone"));
        }
        Ok(birth)
    }
}
