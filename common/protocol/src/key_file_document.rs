use toml::Spanned;
use toml::de::{DeTable, DeValue};
use zeroize::Zeroizing;

use crate::key_file_error::{KeyFileError, KeyFileReason};
use crate::{Day, base64url};

/// The parsed text of a key file, with the text itself, so that errors can tell the line and need not quote it.
pub(crate) struct Document<'a> {
    text: &'a str,
    table: DeTable<'a>,
}

impl<'a> Document<'a> {
    pub(crate) fn parse(text: &'a str) -> Result<Self, KeyFileError> {
        match DeTable::parse(text) {
            Ok(table) => Ok(Self { text, table: table.into_inner() }),
            // The error of the parser quotes the line that it failed at, which may be the secret's.
            Err(error) => Err(KeyFileError {
                line: error.span().map(|span| line_of(text, span.start)),
                key: None,
                reason: KeyFileReason::Syntax,
            }),
        }
    }

    pub(crate) fn check_version(&self, version: u64) -> Result<(), KeyFileError> {
        match self.number("version")? {
            found if found == version => Ok(()),
            found => Err(self.error("version", KeyFileReason::Version { found })),
        }
    }

    pub(crate) fn check_keys(&self, keys: &[&str]) -> Result<(), KeyFileError> {
        match self.table.keys().find(|key| !keys.contains(&key.get_ref().as_ref())) {
            None => Ok(()),
            Some(key) => Err(KeyFileError {
                line: Some(line_of(self.text, key.span().start)),
                key: None,
                reason: KeyFileReason::UnknownKey,
            }),
        }
    }

    fn value(&self, key: &'static str) -> Result<&DeValue<'a>, KeyFileError> {
        let value = self.table.get(key).map(Spanned::get_ref);
        value.ok_or_else(|| self.error(key, KeyFileReason::Missing))
    }

    pub(crate) fn string(&self, key: &'static str) -> Result<&str, KeyFileError> {
        self.value(key)?.as_str().ok_or_else(|| self.expected(key, "a string"))
    }

    pub(crate) fn number(&self, key: &'static str) -> Result<u64, KeyFileError> {
        let integer = self.value(key)?.as_integer();
        let number = integer.and_then(|integer| u64::from_str_radix(integer.as_str(), integer.radix()).ok());
        number.ok_or_else(|| self.expected(key, "a whole number from 0 to 2^64 - 1"))
    }

    pub(crate) fn day(&self, key: &'static str) -> Result<Day, KeyFileError> {
        self.string(key)?.parse().map_err(|_| self.expected(key, "a day in quotes, as \"2026-11-21\""))
    }

    pub(crate) fn bytes(&self, key: &'static str) -> Result<Zeroizing<[u8; 32]>, KeyFileError> {
        let decoded = base64url::decode(self.string(key)?).map(Zeroizing::new);
        let bytes = decoded.and_then(|bytes| <[u8; 32]>::try_from(bytes.as_slice()).ok());
        bytes.map(Zeroizing::new).ok_or_else(|| self.expected(key, "base64url of 32 bytes"))
    }

    pub(crate) fn expected(&self, key: &'static str, expected: &'static str) -> KeyFileError {
        self.error(key, KeyFileReason::Value { expected })
    }

    pub(crate) fn error(&self, key: &'static str, reason: KeyFileReason) -> KeyFileError {
        let line = self.table.get(key).map(|value| line_of(self.text, value.span().start));
        KeyFileError { line, key: Some(key), reason }
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|byte| *byte == b'\n').count()
}
