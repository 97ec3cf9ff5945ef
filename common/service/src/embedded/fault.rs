use std::fmt;

use crate::key_day::MalformedKeyDay;
use crate::migration::moved_away;
use crate::record::RecordError;
use crate::unavailable::Unavailable;

/// Why a transaction cannot go on. It is aborted, and whoever asked is told that the store is unavailable.
#[derive(Debug)]
pub struct Fault {
    cause: String,
    is_moved: bool,
}

impl Fault {
    /// A fault that neither the database nor a record's form shows: something that must be there is not.
    pub fn because(cause: impl fmt::Display) -> Self {
        Self { cause: cause.to_string(), is_moved: false }
    }

    /// The store is at another place now.
    pub(super) fn moved(to: &str) -> Self {
        Self { cause: moved_away(to), is_moved: true }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.cause)
    }
}

impl From<Fault> for Unavailable {
    fn from(fault: Fault) -> Self {
        if fault.is_moved { Self::moved(fault.cause) } else { Self::because(fault.cause) }
    }
}

impl std::error::Error for Fault {}

macro_rules! from {
    ($($error:ty),*) => {
        $(impl From<$error> for Fault {
            fn from(error: $error) -> Self {
                Self::because(error)
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
