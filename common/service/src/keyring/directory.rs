use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use farthing_protocol::{KeyFile, KeyFileError};
use thiserror::Error;
use zeroize::Zeroizing;

use super::{Keyring, KeyringEntry};

/// How the name of a token key's file ends.
pub const KEY_ENDING: &str = "key";
/// How the name of a revocation ends.
pub const REVOKED_ENDING: &str = "revoked";

/// Why the keyring as it is now cannot be used. One line: which file, and how to mend it.
#[derive(Debug, Error)]
pub enum KeyringError {
    /// The directory or a file cannot be read.
    #[error("keyring: {path}: {cause}; give this service's user read access")]
    Unreadable {
        /// What was read.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// The directory is not there.
    #[error("keyring: there is no directory {0}: run `farthing-issuer keys init`")]
    Missing(PathBuf),
    /// A key's file does not parse.
    #[error("keyring: {path}: {cause}; restore the file from a backup")]
    Malformed {
        /// The key's file.
        path: PathBuf,
        /// What is wrong in it.
        cause: KeyFileError,
    },
    /// A file's name is not what is in it.
    #[error(
        "keyring: {path}: the name does not fit the key in it, which belongs into {expected}.{KEY_ENDING}; rename it"
    )]
    Misnamed {
        /// The key's file.
        path: PathBuf,
        /// The name it should begin with.
        expected: String,
    },
    /// Two files hold one key.
    #[error("keyring: {0}: the same key is in another file; remove the copy")]
    Twice(PathBuf),
    /// A key is of another issuer.
    #[error("keyring: {name}: the key is of issuer {found}, this service is configured for {expected}")]
    OtherIssuer {
        /// The key's file without ending.
        name: String,
        /// Its issuer.
        found: String,
        /// Ours.
        expected: String,
    },
    /// A key's facts changed since the store first saw it.
    #[error(
        "keyring: {0}: the key's dates or value changed since this store first saw it; restore the file from a backup"
    )]
    Changed(String),
    /// A live key that the store has pinned is gone.
    #[error(
        "keyring: {0}: the key is live but its file is gone; restore it from a backup, or give the key up with `farthing-issuer keys revoke {0}`"
    )]
    Gone(String),
    /// A key is older than the store.
    #[error(
        "keyring: {name}: the key was made before this store, which cannot know what was done with it. If the clock \
         was wrong when the key was made, revoke it or remove its file. If this store is new and has never been \
         used, move it away and make it again with `store init --trust-key {id}`"
    )]
    OlderThanStore {
        /// The key's file without ending.
        name: String,
        /// Its id, base64url.
        id: String,
    },
    /// The store that pins the keys did not answer.
    #[error("keyring: the keys cannot be compared with those that the store has seen: {0}")]
    Store(#[from] crate::unavailable::Unavailable),
}

/// The names in the directory, in one order everywhere, so that the same fault is named each time.
struct Names {
    keys: Vec<PathBuf>,
    revoked: BTreeSet<String>,
}

/// Reads every key of the directory. Secrets that are of no use at the unix second `now` are dropped at once.
///
/// # Errors
/// The first file that is not as it should be; then nothing of the directory is used.
pub fn read(directory: &Path, now: u64) -> Result<Keyring, KeyringError> {
    let Names { keys, revoked } = names(directory)?;
    let mut entries: Vec<KeyringEntry> = Vec::new();
    for path in keys {
        let entry = read_key(&path, &revoked, now)?;
        if entries.iter().any(|other| other.facts().token_key_id() == entry.facts().token_key_id()) {
            return Err(KeyringError::Twice(path));
        }
        entries.push(entry);
    }
    Ok(Keyring::new(entries, revoked))
}

/// The names of the keys that are revoked. A revocation is its file's name: it holds whatever is in the file, whether
/// the file can be read or not, and whatever is wrong with the rest of the directory.
///
/// # Errors
/// The directory cannot be listed.
pub fn revoked_names(directory: &Path) -> Result<BTreeSet<String>, KeyringError> {
    Ok(names(directory)?.revoked)
}

fn names(directory: &Path) -> Result<Names, KeyringError> {
    let unreadable = |cause: io::Error| KeyringError::Unreadable { path: directory.to_owned(), cause };
    let listing = fs::read_dir(directory).map_err(|cause| match cause.kind() {
        io::ErrorKind::NotFound => KeyringError::Missing(directory.to_owned()),
        _ => unreadable(cause),
    })?;
    let (mut keys, mut revoked) = (Vec::new(), BTreeSet::new());
    for entry in listing {
        let path = entry.map_err(unreadable)?.path();
        let hidden = path.file_name().is_none_or(|name| name.to_string_lossy().starts_with('.'));
        match path.extension().and_then(|ending| ending.to_str()) {
            _ if hidden => {}
            Some(KEY_ENDING) => keys.push(path),
            Some(REVOKED_ENDING) => _ = revoked.insert(stem(&path)),
            _ => {}
        }
    }
    keys.sort();
    Ok(Names { keys, revoked })
}

/// The file's name without ending.
fn stem(path: &Path) -> String {
    path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
}

fn read_key(path: &Path, revoked: &BTreeSet<String>, now: u64) -> Result<KeyringEntry, KeyringError> {
    let bytes = read_file(path)?;
    let text = std::str::from_utf8(&bytes).map_err(|error| KeyringError::Unreadable {
        path: path.to_owned(),
        cause: io::Error::new(io::ErrorKind::InvalidData, error),
    })?;
    let key =
        KeyFile::decode(text).map_err(|cause| KeyringError::Malformed { path: path.to_owned(), cause })?;
    let name = stem(path);
    let expected = key.facts().file_stem();
    let suffix_is_a_number = |suffix: &str| {
        suffix.is_empty() || suffix.strip_prefix('.').is_some_and(|digits| digits.parse::<u32>().is_ok())
    };
    if !name.strip_prefix(&expected).is_some_and(suffix_is_a_number) {
        return Err(KeyringError::Misnamed { path: path.to_owned(), expected });
    }
    let is_revoked = revoked.contains(&name);
    Ok(KeyringEntry::new(key, name, is_revoked, now))
}

fn read_file(path: &Path) -> Result<Zeroizing<Vec<u8>>, KeyringError> {
    fs::read(path)
        .map(Zeroizing::new)
        .map_err(|cause| KeyringError::Unreadable { path: path.to_owned(), cause })
}
