//! The file of a store's backup: records one after the other, and a checksum over all of them.
//!
//! ```text
//! "farthing store backup 1\n"
//! entry: 0x01, table<u8>, key<u32>, value<u32>      each of these is its length and so many bytes
//! end:   0x00, number of entries (u64), SHA-256 of everything before it (32 bytes)
//! ```
//!
//! Both directions take a piece at a time, because a backup may be larger than memory.

use sha2::{Digest, Sha256};
use thiserror::Error;

/// What the file begins with; the number is its version.
const HEAD: &[u8] = b"farthing store backup 1\n";
/// The part of the head that every version has.
const HEAD_OF_ANY_VERSION: &[u8] = b"farthing store backup ";
const ENTRY: u8 = 1;
const END: u8 = 0;
const LENGTH_OF_END: usize = 8 + 32;
/// The longest key and the longest value, so that a damaged length takes no memory.
const LONGEST_KEY: usize = 64 << 10;
const LONGEST_VALUE: usize = 16 << 20;

/// One record of a store.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct BackupEntry {
    /// The table it is in, up to 255 bytes.
    pub table: String,
    /// Its key.
    pub key: Vec<u8>,
    /// Its bytes.
    pub value: Vec<u8>,
}

/// Why bytes are not a whole backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum MalformedBackup {
    /// It begins otherwise.
    #[error("it is no store backup")]
    OtherFile,
    /// A later release wrote it.
    #[error("it is a store backup of another version: install the release that wrote it")]
    OtherVersion,
    /// Its end is missing.
    #[error("it is truncated: its end is missing; use another backup")]
    Truncated,
    /// It is not what was written.
    #[error("it is damaged at entry {0}; use another backup")]
    Damaged(u64),
    /// The checksum is another.
    #[error("it is damaged: its checksum does not fit; use another backup")]
    Checksum,
    /// Something follows its end.
    #[error("it is damaged: something follows its end; use another backup")]
    Trailing,
    /// A record that is to be written is longer than the form allows.
    #[error("a record is too long for a backup")]
    TooLong,
}

/// Writes a backup.
#[derive(Debug)]
pub struct BackupEncoder {
    digest: Sha256,
    entries: u64,
}

impl BackupEncoder {
    /// A new backup, and its first bytes.
    pub fn begin() -> (Self, &'static [u8]) {
        (Self { digest: Sha256::new_with_prefix(HEAD), entries: 0 }, HEAD)
    }

    /// The bytes of the next entry.
    ///
    /// # Errors
    /// Its table, key or value is too long.
    pub fn entry(&mut self, entry: &BackupEntry) -> Result<Vec<u8>, MalformedBackup> {
        let BackupEntry { table, key, value } = entry;
        let too_long = |_| MalformedBackup::TooLong;
        if key.len() > LONGEST_KEY || value.len() > LONGEST_VALUE {
            return Err(MalformedBackup::TooLong);
        }
        let mut bytes = Vec::with_capacity(10 + table.len() + key.len() + value.len());
        bytes.extend([ENTRY, u8::try_from(table.len()).map_err(too_long)?]);
        bytes.extend(table.as_bytes());
        for part in [key, value] {
            bytes.extend(u32::try_from(part.len()).map_err(too_long)?.to_be_bytes());
            bytes.extend(part);
        }
        self.digest.update(&bytes);
        self.entries += 1;
        Ok(bytes)
    }

    /// The last bytes.
    pub fn end(mut self) -> Vec<u8> {
        let mut bytes = vec![END];
        bytes.extend(self.entries.to_be_bytes());
        self.digest.update(&bytes);
        bytes.extend(self.digest.finalize());
        bytes
    }
}

/// Reads a backup. What it yields is not to be relied on before [`finish`](Self::finish) has found the checksum right.
#[derive(Debug, Default)]
pub struct BackupDecoder {
    /// Bytes that were pushed, of which the first `taken` are done with.
    pending: Vec<u8>,
    taken: usize,
    digest: Sha256,
    entries: u64,
    began: bool,
    /// Whether the checksum was right, once the end was met.
    ended: Option<bool>,
}

impl BackupDecoder {
    /// For a file of which nothing was read yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes of the file.
    pub fn push(&mut self, bytes: &[u8]) {
        self.pending.drain(..self.taken);
        self.taken = 0;
        self.pending.extend_from_slice(bytes);
    }

    /// The next entry; nothing when more bytes are needed, or at the end.
    ///
    /// # Errors
    /// The bytes are no backup.
    pub fn next_entry(&mut self) -> Result<Option<BackupEntry>, MalformedBackup> {
        if !self.began && !self.begin()? {
            return Ok(None);
        }
        let rest = self.pending.get(self.taken..).unwrap_or_default();
        if self.ended.is_some() {
            return if rest.is_empty() { Ok(None) } else { Err(MalformedBackup::Trailing) };
        }
        match rest.first() {
            None => Ok(None),
            Some(&ENTRY) => self.entry(),
            Some(&END) => self.end(),
            Some(_) => Err(self.damaged()),
        }
    }

    /// At the end of the file: how many entries it has.
    ///
    /// # Errors
    /// The end is missing, or the file is not what was written.
    pub fn finish(self) -> Result<u64, MalformedBackup> {
        match self.ended {
            Some(true) if self.taken == self.pending.len() => Ok(self.entries),
            Some(true) => Err(MalformedBackup::Trailing),
            Some(false) => Err(MalformedBackup::Checksum),
            None if self.began => Err(MalformedBackup::Truncated),
            None => Err(if HEAD.starts_with(&self.pending) && !self.pending.is_empty() {
                MalformedBackup::Truncated
            } else {
                MalformedBackup::OtherFile
            }),
        }
    }

    fn begin(&mut self) -> Result<bool, MalformedBackup> {
        let Some(head) = self.pending.get(..HEAD.len()) else {
            let is_head = HEAD.starts_with(&self.pending);
            return if is_head { Ok(false) } else { Err(other(&self.pending)) };
        };
        if head != HEAD {
            return Err(other(head));
        }
        self.digest.update(HEAD);
        self.taken = HEAD.len();
        self.began = true;
        Ok(true)
    }

    fn entry(&mut self) -> Result<Option<BackupEntry>, MalformedBackup> {
        let damaged = self.damaged();
        let rest = self.pending.get(self.taken..).unwrap_or_default();
        let mut parts = Parts { rest: rest.get(1..).unwrap_or_default() };
        let Some(table) = parts.short() else { return Ok(None) };
        let Some(key) = parts.long(LONGEST_KEY).map_err(|()| damaged)? else { return Ok(None) };
        let Some(value) = parts.long(LONGEST_VALUE).map_err(|()| damaged)? else { return Ok(None) };
        let table = str::from_utf8(table).map_err(|_| damaged)?.to_owned();
        let entry = BackupEntry { table, key: key.to_vec(), value: value.to_vec() };
        let length = rest.len() - parts.rest.len();
        self.digest.update(rest.get(..length).unwrap_or_default());
        self.taken += length;
        self.entries += 1;
        Ok(Some(entry))
    }

    fn end(&mut self) -> Result<Option<BackupEntry>, MalformedBackup> {
        let rest = self.pending.get(self.taken..).unwrap_or_default();
        let Some((end, after)) = rest.get(1..).and_then(|rest| rest.split_at_checked(LENGTH_OF_END)) else {
            return Ok(None);
        };
        let (count, sum) = end.split_at_checked(8).ok_or(self.damaged())?;
        if count != self.entries.to_be_bytes() {
            return Err(MalformedBackup::Checksum);
        }
        let is_whole = after.is_empty();
        let digest = self.digest.clone().chain_update([END]).chain_update(count).finalize();
        let fits = digest.as_slice() == sum;
        self.taken += 1 + LENGTH_OF_END;
        self.ended = Some(fits);
        match (fits, is_whole) {
            (false, _) => Err(MalformedBackup::Checksum),
            (true, false) => Err(MalformedBackup::Trailing),
            (true, true) => Ok(None),
        }
    }

    const fn damaged(&self) -> MalformedBackup {
        MalformedBackup::Damaged(self.entries + 1)
    }
}

/// Whether it is another version or another file altogether.
fn other(head: &[u8]) -> MalformedBackup {
    if head.starts_with(HEAD_OF_ANY_VERSION) {
        MalformedBackup::OtherVersion
    } else {
        MalformedBackup::OtherFile
    }
}

struct Parts<'a> {
    rest: &'a [u8],
}

impl<'a> Parts<'a> {
    fn short(&mut self) -> Option<&'a [u8]> {
        let (length, rest) = self.rest.split_first()?;
        let (part, rest) = rest.split_at_checked((*length).into())?;
        self.rest = rest;
        Some(part)
    }

    fn long(&mut self, longest: usize) -> Result<Option<&'a [u8]>, ()> {
        let Some((length, rest)) = self.rest.split_first_chunk::<4>() else { return Ok(None) };
        let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| ())?;
        if length > longest {
            return Err(());
        }
        let Some((part, rest)) = rest.split_at_checked(length) else { return Ok(None) };
        self.rest = rest;
        Ok(Some(part))
    }
}

#[cfg(test)]
#[path = "store_backup_tests.rs"]
mod tests;
