use std::fmt;

use crate::key_day::MalformedKeyDay;
use crate::record::RecordError;

/// Why a transaction cannot go on. It is aborted, and whoever asked is told that the store is unavailable.
#[derive(Debug)]
pub struct Fault(String);

impl Fault {
    /// A fault that neither the database nor a record's form shows: something that must be there is not.
    pub fn because(cause: impl fmt::Display) -> Self {
        Self(cause.to_string())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Fault {}

macro_rules! from {
    ($($error:ty),*) => {
        $(impl From<$error> for Fault {
            fn from(error: $error) -> Self {
                Self(error.to_string())
            }
        })*
    };
}

from!(
    MalformedKeyDay,
    RecordError,
    redb::CommitError,
    redb::SetDurabilityError,
    redb::StorageError,
    redb::TableError,
    redb::TransactionError
);
