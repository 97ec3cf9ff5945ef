use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use age::DecryptError;
use farthing_protocol::{BackupDecoder, BackupEntry, MalformedBackup};

use super::{ORIGIN, Origin};
use crate::birth::ServiceKind;
use crate::record::{self, RecordError};

/// What an age file begins with.
const AGE: &[u8] = b"age-encryption.org/";

/// Why a backup is not restored.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A file cannot be read.
    #[error("{path}: {cause}")]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// It is encrypted.
    #[error("the backup {0} is encrypted: use --identity")]
    Encrypted(PathBuf),
    /// There is no identity in the file.
    #[error("the identity file {0} holds no line AGE-SECRET-KEY-1...")]
    Identity(PathBuf),
    /// It is encrypted to somebody else.
    #[error("the backup {0} is encrypted to another identity: use that one")]
    OtherIdentity(PathBuf),
    /// It does not decrypt.
    #[error("the backup {0} does not decrypt: it is damaged or truncated; use another backup")]
    Undecryptable(PathBuf),
    /// It is no backup, or not a whole one.
    #[error("the backup {path} cannot be restored: {cause}")]
    Malformed {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        cause: MalformedBackup,
    },
    /// What it says of itself cannot be read.
    #[error("the backup {path} cannot be restored: {cause}")]
    Origin {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        cause: RecordError,
    },
    /// It is the other service's.
    #[error("the backup {path} is of the {found}'s store, not of the {expected}'s")]
    OtherService {
        /// Which.
        path: PathBuf,
        /// Whose it is.
        found: &'static str,
        /// Whose it should be.
        expected: &'static str,
    },
}

/// A backup that was read from beginning to end once, and is whole.
#[derive(Debug)]
pub struct BackupFile {
    path: PathBuf,
    identity: Option<PathBuf>,
    origin: Origin,
    entries: u64,
}

impl BackupFile {
    /// Reads a backup of `service` to its end, before anything of it is used.
    ///
    /// # Errors
    /// It is not whole, not to be decrypted, or of another service.
    pub fn open(path: &Path, identity: Option<&Path>, service: ServiceKind) -> Result<Self, ReadError> {
        let mut origin = None;
        let entries = walk(path, identity, |entry| {
            origin.get_or_insert(entry);
            Ok::<_, ReadError>(())
        })?;
        let malformed = || ReadError::Malformed { path: path.to_owned(), cause: MalformedBackup::Damaged(1) };
        let first = origin.filter(|entry| entry.table == ORIGIN).ok_or_else(malformed)?;
        let origin: Origin = record::decode(&first.value)
            .map_err(|cause| ReadError::Origin { path: path.to_owned(), cause })?;
        if origin.birth.service != service {
            return Err(ReadError::OtherService {
                path: path.to_owned(),
                found: origin.birth.service.name(),
                expected: service.name(),
            });
        }
        let identity = identity.map(Path::to_owned);
        Ok(Self { path: path.to_owned(), identity, origin, entries: entries - 1 })
    }

    /// What it is of.
    pub const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// How many records it has.
    pub const fn entries(&self) -> u64 {
        self.entries
    }

    /// Gives each of its records to `take`.
    ///
    /// # Errors
    /// What `take` returned, or the file is no longer what it was.
    pub fn each<E: From<ReadError>>(
        &self,
        mut take: impl FnMut(BackupEntry) -> Result<(), E>,
    ) -> Result<(), E> {
        walk(
            &self.path,
            self.identity.as_deref(),
            |entry| {
                if entry.table == ORIGIN { Ok(()) } else { take(entry) }
            },
        )?;
        Ok(())
    }
}

fn walk<E: From<ReadError>>(
    path: &Path,
    identity: Option<&Path>,
    mut take: impl FnMut(BackupEntry) -> Result<(), E>,
) -> Result<u64, E> {
    let malformed = |cause| ReadError::Malformed { path: path.to_owned(), cause };
    let mut input = open(path, identity)?;
    let mut decoder = BackupDecoder::new();
    let mut piece = vec![0; 1 << 16];
    loop {
        let length = input.read(&mut piece).map_err(|cause| {
            // What age reads and finds changed it calls invalid data, and a missing end an unexpected one.
            if identity.is_some()
                && matches!(cause.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof)
            {
                ReadError::Undecryptable(path.to_owned())
            } else {
                ReadError::File { path: path.to_owned(), cause }
            }
        })?;
        if length == 0 {
            return Ok(decoder.finish().map_err(malformed)?);
        }
        decoder.push(piece.get(..length).unwrap_or_default());
        while let Some(entry) = decoder.next_entry().map_err(malformed)? {
            take(entry)?;
        }
    }
}

fn open(path: &Path, identity: Option<&Path>) -> Result<Box<dyn Read>, ReadError> {
    let failed = |cause| ReadError::File { path: path.to_owned(), cause };
    let mut begins = Vec::new();
    File::open(path).map_err(failed)?.take(AGE.len() as u64).read_to_end(&mut begins).map_err(failed)?;
    let file = File::open(path).map_err(failed)?;
    let Some(identity) = identity else {
        return if begins == AGE { Err(ReadError::Encrypted(path.to_owned())) } else { Ok(Box::new(file)) };
    };
    if begins != AGE {
        // Whoever names an identity may have an unencrypted backup all the same.
        return Ok(Box::new(file));
    }
    let text = zeroize::Zeroizing::new(
        fs::read_to_string(identity).map_err(|cause| ReadError::File { path: identity.to_owned(), cause })?,
    );
    let key: age::x25519::Identity = text
        .lines()
        .find_map(|line| line.trim().parse().ok())
        .ok_or_else(|| ReadError::Identity(identity.to_owned()))?;
    let decrypting = age::Decryptor::new_buffered(io::BufReader::new(file))
        .and_then(|decryptor| decryptor.decrypt(std::iter::once(&key as &dyn age::Identity)));
    match decrypting {
        Ok(reader) => Ok(Box::new(reader)),
        Err(DecryptError::NoMatchingKeys) => Err(ReadError::OtherIdentity(path.to_owned())),
        Err(_) => Err(ReadError::Undecryptable(path.to_owned())),
    }
}
