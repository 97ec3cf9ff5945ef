//! The database's file: made once, opened by one process, and watched for going away.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use redb::{Database, ReadTransaction, ReadableDatabase, ReadableTable, WriteTransaction};
use thiserror::Error;

use super::{Fault, Table};
use crate::birth::{Birth, ServiceKind};
use crate::file::create_parent_directories;
use crate::migration::moved_away;
use crate::record;

/// One entry, under the empty key.
pub(super) const BIRTH: Table = super::table(BIRTH_TABLE);
pub(super) const BIRTH_TABLE: &str = "birth";
/// Memory for pages; redb's own default of 1 GiB would surprise in a small container.
const CACHE_BYTES: usize = 256 << 20;

/// Why `store init` made no store.
#[derive(Debug, Error)]
pub enum CreateError {
    /// There is one.
    #[error("{0} exists: a store is made once; to begin anew, move it away and read docs/operating.md first")]
    Exists(PathBuf),
    /// The database or the file system failed.
    #[error("cannot make the store {path}: {cause}")]
    Failed {
        /// The database's file.
        path: PathBuf,
        /// What went wrong.
        cause: String,
    },
}

/// Why a store was not opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// There is no file.
    #[error(
        "there is no store at {path}: run `farthing-{service} store init` (a store that was here is lost: restore it)"
    )]
    Missing {
        /// Where it should be.
        path: PathBuf,
        /// Whose it should be.
        service: &'static str,
    },
    /// Another process has it open.
    #[error("the store {0} is open in another process: stop it, or use its admin socket")]
    Busy(PathBuf),
    /// It was not made by `store init`, or lost what was in it.
    #[error("the store {0} has no birth record: it was emptied or replaced; restore it from a backup")]
    Unborn(PathBuf),
    /// It is the other service's.
    #[error("the store {path} belongs to the {found}: give the {expected} a store of its own")]
    OtherService {
        /// The database's file.
        path: PathBuf,
        /// Whose it is.
        found: &'static str,
        /// Who wants to open it.
        expected: &'static str,
    },
    /// It is at another place now.
    #[error("{path}: {}", moved_away(to))]
    Moved {
        /// The database's file.
        path: PathBuf,
        /// The other place in words.
        to: String,
    },
    /// redb wrote it in a form that this release's redb does not read.
    #[error(
        "the store {path} has file format {found}, which this release does not read: install the release that wrote it, and read \"Upgrade\" in docs/operating.md"
    )]
    Format {
        /// The database's file.
        path: PathBuf,
        /// The version that redb found.
        found: String,
    },
    /// The database or the file system failed.
    #[error("cannot open the store {path}: {cause}")]
    Failed {
        /// The database's file.
        path: PathBuf,
        /// What went wrong.
        cause: String,
    },
}

impl OpenError {
    pub(super) fn io(path: &Path, error: &dyn std::error::Error) -> Self {
        Self::Failed { path: path.to_owned(), cause: error.to_string() }
    }
}

/// Makes the database under another name and links it to its own, so that there is never half a store.
pub(super) fn create(path: &Path, birth: &Birth) -> Result<(), CreateError> {
    create_with(path, birth, |_| Ok(()))
}

/// As [`create`], with what `fill` writes into it.
pub(super) fn create_with(
    path: &Path,
    birth: &Birth,
    fill: impl FnOnce(&Database) -> Result<(), Fault>,
) -> Result<(), CreateError> {
    let failed = |error: &dyn std::error::Error| CreateError::Failed {
        path: path.to_owned(),
        cause: error.to_string(),
    };
    if path.exists() {
        return Err(CreateError::Exists(path.to_owned()));
    }
    create_parent_directories(path).map_err(|error| failed(&error))?;
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let unfinished = path.with_extension(format!("init-{}", std::process::id()));
    // Process ids come again: what a crash left is not to be added to.
    let _ = fs::remove_file(&unfinished);
    let made = write_birth(&unfinished, birth, fill).and_then(|()| {
        let file = File::open(&unfinished)?;
        file.set_permissions(fs::Permissions::from_mode(0o600))?;
        file.sync_all()?;
        fs::hard_link(&unfinished, path)?;
        File::open(parent)?.sync_all()
    });
    // Whatever happened, the other name is of no more use; a leftover does no harm.
    let _ = fs::remove_file(&unfinished);
    made.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => CreateError::Exists(path.to_owned()),
        _ => failed(&error),
    })
}

fn write_birth(
    path: &Path,
    birth: &Birth,
    fill: impl FnOnce(&Database) -> Result<(), Fault>,
) -> io::Result<()> {
    let write = || -> Result<(), Fault> {
        let database = Database::create(path).map_err(Fault::because)?;
        let transaction = database.begin_write()?;
        transaction.open_table(BIRTH)?.insert([].as_slice(), record::encode(birth)?.as_slice())?;
        transaction.commit()?;
        fill(&database)
    };
    write().map_err(io::Error::other)
}

/// Opens the database and reads its birth record.
pub(super) fn open(path: &Path, service: ServiceKind) -> Result<(Database, Presence, Birth), OpenError> {
    let failed = |error: &dyn std::error::Error| OpenError::io(path, error);
    let presence = Presence::of(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => OpenError::Missing { path: path.to_owned(), service: service.name() },
        _ => failed(&error),
    })?;
    let database =
        Database::builder().set_cache_size(CACHE_BYTES).open(path).map_err(|error| match error {
            redb::DatabaseError::DatabaseAlreadyOpen => OpenError::Busy(path.to_owned()),
            other => match other_format(&other) {
                Some(found) => OpenError::Format { path: path.to_owned(), found },
                None => failed(&other),
            },
        })?;
    let transaction = database.begin_read().map_err(|error| failed(&error))?;
    let birth = read_birth(&transaction)
        .map_err(|error| failed(&error))?
        .ok_or_else(|| OpenError::Unborn(path.to_owned()))?;
    if birth.service != service {
        return Err(OpenError::OtherService {
            path: path.to_owned(),
            found: birth.service.name(),
            expected: service.name(),
        });
    }
    Ok((database, presence, birth))
}

/// The version of the file's format, if that is why redb did not open it. Of a newer one redb says so in words alone,
/// among those for damaged files.
fn other_format(error: &redb::DatabaseError) -> Option<String> {
    match error {
        redb::DatabaseError::UpgradeRequired(version) => Some(version.to_string()),
        redb::DatabaseError::Storage(redb::StorageError::Corrupted(words)) => {
            let found = words.strip_prefix("Expected file format version")?.split("found ").nth(1)?;
            Some(found.to_owned())
        }
        _ => None,
    }
}

pub(super) fn read_birth(transaction: &ReadTransaction) -> Result<Option<Birth>, Fault> {
    let Some(table) = super::open(transaction, BIRTH)? else { return Ok(None) };
    table.get([].as_slice())?.map(|bytes| Ok(record::decode(bytes.value())?)).transpose()
}

/// Refuses to read where the birth record is not the one that was there at first.
pub(super) fn check_birth(transaction: &ReadTransaction, birth: &Birth) -> Result<(), Fault> {
    same_birth(read_birth(transaction)?.as_ref(), birth)
}

/// As [`check_birth`], before something is written.
pub(super) fn check_birth_for_write(transaction: &WriteTransaction, birth: &Birth) -> Result<(), Fault> {
    let table = transaction.open_table(BIRTH)?;
    let found = table.get([].as_slice())?.map(|bytes| record::decode(bytes.value())).transpose()?;
    same_birth(found.as_ref(), birth)
}

fn same_birth(found: Option<&Birth>, birth: &Birth) -> Result<(), Fault> {
    match found {
        Some(found) if found == birth => Ok(()),
        Some(Birth { leaving: Some(leaving), .. }) if found.map(Birth::settled).as_ref() == Some(birth) => {
            Err(Fault::moved(&leaving.to))
        }
        _ => Err(Fault::because("its birth record is gone or another")),
    }
}

/// Which file was opened, to notice that its name has come to mean another: writes would go to a file that the next
/// start never finds.
pub(super) struct Presence {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl Presence {
    fn of(path: &Path) -> io::Result<Self> {
        let metadata = fs::metadata(path)?;
        Ok(Self { path: path.to_owned(), device: metadata.dev(), inode: metadata.ino() })
    }

    /// Whether the name still means the file.
    pub(super) fn check(&self) -> Result<(), Fault> {
        match fs::metadata(&self.path) {
            Ok(metadata) if metadata.dev() == self.device && metadata.ino() == self.inode => Ok(()),
            _ => Err(Fault::because(
                "its file was removed or replaced while the service runs; put it back and restart",
            )),
        }
    }
}
