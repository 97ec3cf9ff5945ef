use std::fmt;

use thiserror::Error;

use crate::{InvalidDenomination, InvalidEpoch};

/// A key file that cannot be used: which line and key, and why.
///
/// The text never holds anything from the file but numbers and dates, since any line may be the secret's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFileError {
    /// Line from 1, where there is one.
    pub line: Option<usize>,
    /// The key at fault, where one of the format's own is.
    pub key: Option<&'static str>,
    /// What was wrong.
    pub reason: KeyFileReason,
}

impl fmt::Display for KeyFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        if let Some(key) = self.key {
            write!(f, "{key}: ")?;
        }
        self.reason.fmt(f)
    }
}

impl std::error::Error for KeyFileError {}

/// What is wrong with a key file.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum KeyFileReason {
    /// It is not TOML, or names a key twice.
    #[error("not TOML, or a key stands twice; restore the file from a backup")]
    Syntax,
    /// It was written by a later version of this program.
    #[error("version {found}, but this program reads version 1; upgrade it")]
    Version {
        /// The version that the file says.
        found: u64,
    },
    /// It holds a key that the format does not have.
    #[error("a key that key files do not have; restore the file from a backup")]
    UnknownKey,
    /// A key is missing.
    #[error("missing; restore the file from a backup")]
    Missing,
    /// A value is not of the form that its key has.
    #[error("must be {expected}")]
    Value {
        /// The form, in words.
        expected: &'static str,
    },
    /// Value and currency are no denomination.
    #[error("{0}")]
    Denomination(#[from] InvalidDenomination),
    /// The dates are no epoch.
    #[error("{0}")]
    Epoch(#[from] InvalidEpoch),
    /// A recomputed value differs from the file's: the file was changed or damaged.
    #[error("does not belong to secret_key: the file was changed or damaged; restore it from a backup")]
    Mismatch,
}
