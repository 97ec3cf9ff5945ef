//! How records are written in every store: one byte of version, then JSON.

use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

/// Something that a store keeps.
pub trait Record: Serialize + DeserializeOwned {
    /// What it is, for error messages.
    const KIND: &'static str;
    /// The version that is written; 1 at first.
    const VERSION: u8;

    /// Reads the JSON of an older version as this one. Overridden when `VERSION` is raised.
    ///
    /// # Errors
    /// The bytes are not of that version.
    fn migrate(version: u8, _json: &[u8]) -> Result<Self, RecordError> {
        Err(RecordError::NoMigration { kind: Self::KIND, version })
    }
}

/// Why a record cannot be read. The store is then unavailable for whoever needs it.
#[derive(Debug, Error)]
pub enum RecordError {
    /// There are no bytes at all.
    #[error("a record ({kind}) is empty")]
    Empty {
        /// What it should be.
        kind: &'static str,
    },
    /// A later release wrote it.
    #[error(
        "a record ({kind}) has version {found}, this release reads up to {known}: install the newer release that wrote it"
    )]
    Newer {
        /// What it is.
        kind: &'static str,
        /// Its version.
        found: u8,
        /// Ours.
        known: u8,
    },
    /// No release ever wrote this version.
    #[error("a record ({kind}) has version {version}, which no release wrote")]
    NoMigration {
        /// What it is.
        kind: &'static str,
        /// Its version.
        version: u8,
    },
    /// The JSON is not that of its version.
    #[error("a record ({kind}) does not decode at line {line}, column {column}")]
    Json {
        /// What it should be.
        kind: &'static str,
        /// Where the JSON breaks off, from 1.
        line: usize,
        /// Where the JSON breaks off, from 1.
        column: usize,
    },
    /// It cannot be written as JSON.
    #[error("a record ({kind}) does not encode")]
    Encode {
        /// What it is.
        kind: &'static str,
    },
}

/// The bytes of a record.
///
/// # Errors
/// A type that JSON cannot hold, such as a map with keys that are no strings.
pub fn encode<R: Record>(record: &R) -> Result<Vec<u8>, RecordError> {
    let mut bytes = vec![R::VERSION];
    serde_json::to_writer(&mut bytes, record).map_err(|_| RecordError::Encode { kind: R::KIND })?;
    Ok(bytes)
}

/// Reads a record of this version or an older one.
///
/// # Errors
/// A newer version, or bytes that are no such record. The error never quotes the bytes.
pub fn decode<R: Record>(bytes: &[u8]) -> Result<R, RecordError> {
    let (&version, json) = bytes.split_first().ok_or(RecordError::Empty { kind: R::KIND })?;
    if version > R::VERSION {
        return Err(RecordError::Newer { kind: R::KIND, found: version, known: R::VERSION });
    }
    if version < R::VERSION {
        return R::migrate(version, json);
    }
    from_json::<R, R>(json)
}

/// Reads the JSON of a record `R` as `T`, which a migration gives the form that it had in its time.
///
/// # Errors
/// It is no such JSON. The error never quotes it.
pub fn from_json<R: Record, T: DeserializeOwned>(json: &[u8]) -> Result<T, RecordError> {
    serde_json::from_slice(json).map_err(|error| RecordError::Json {
        kind: R::KIND,
        line: error.line(),
        column: error.column(),
    })
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Second {
        tokens: u64,
    }

    impl Record for Second {
        const KIND: &'static str = "test";
        const VERSION: u8 = 2;

        fn migrate(version: u8, json: &[u8]) -> Result<Self, RecordError> {
            let text = std::str::from_utf8(json).unwrap();
            if version != 1 {
                return Err(RecordError::NoMigration { kind: Self::KIND, version });
            }
            Ok(Self { tokens: text.parse().unwrap() })
        }
    }

    #[test]
    fn older_records_are_migrated_and_newer_ones_refused() {
        assert_eq!(encode(&Second { tokens: 7 }).unwrap(), b"\x02{\"tokens\":7}");
        assert_eq!(decode::<Second>(b"\x02{\"tokens\":7}").unwrap(), Second { tokens: 7 });
        assert_eq!(decode::<Second>(b"\x017").unwrap(), Second { tokens: 7 });
        assert_eq!(
            decode::<Second>(b"\x03{}").unwrap_err().to_string(),
            "a record (test) has version 3, this release reads up to 2: install the newer release that wrote it"
        );
        assert!(decode::<Second>(b"\x007").is_err());
        assert!(decode::<Second>(b"").is_err());
    }

    #[test]
    fn a_broken_record_is_not_quoted() {
        let error = decode::<Second>(b"\x02{\"tokens\":\"secret\"}").unwrap_err();
        assert_eq!(error.to_string(), "a record (test) does not decode at line 1, column 18");
    }
}
