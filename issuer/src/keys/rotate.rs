use std::io;
use std::path::{Path, PathBuf};

use farthing_protocol::{InvalidEpoch, KeyFile};
use farthing_service::file;
use farthing_service::keyring::{self, KEY_ENDING, Keyring, KeyringError};
use thiserror::Error;

use super::{GenerateError, Planned, new_key, plan};
use crate::config::Config;

/// Permissions of a key's file: the owner writes, a group shared with the redeemer reads.
const KEY_MODE: u32 = 0o640;

/// Why a key could not be added.
#[derive(Debug, Error)]
pub enum RotateError {
    /// The keyring as it is cannot be read.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// No key could be made.
    #[error("no new token key: {0}")]
    Generate(#[from] GenerateError),
    /// The calendar ends.
    #[error("no new token key: {0}")]
    Epoch(#[from] InvalidEpoch),
    /// The file could not be written.
    #[error("no new token key: {path}: {cause}; give this service's user write access")]
    Write {
        /// The key's file.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// `keys init` on a keyring that has keys.
    #[error("the keyring {0} has keys already; `keys list` shows them, `keys rotate` adds the next")]
    NotEmpty(PathBuf),
}

/// Makes the directory and the first key of every denomination; their names.
///
/// # Errors
/// There are keys already, or they cannot be made.
pub fn init(config: &Config, now: u64) -> Result<Vec<String>, RotateError> {
    let directory = &config.keyring;
    file::create_parent_directories(&directory.join("key"))
        .map_err(|cause| RotateError::Write { path: directory.clone(), cause })?;
    if keyring::read(directory, now)?.entries().is_empty() {
        rotate(config, false, now)
    } else {
        Err(RotateError::NotEmpty(directory.clone()))
    }
}

/// Adds the keys that are missing now, and with `early` also the successors that are not due yet; their names.
///
/// # Errors
/// The keyring cannot be read or written. What was added before stays; the next call goes on.
pub fn rotate(config: &Config, early: bool, now: u64) -> Result<Vec<String>, RotateError> {
    let mut added = Vec::new();
    // Plan and name come from one reading of the directory: whoever read the same plans the same name, and of those
    // one wins it. The others read again and find nothing missing.
    loop {
        let keyring = keyring::read(&config.keyring, now)?;
        let missing = plan(&keyring, &config.denominations(), config.epoch, early, now)?;
        let Some(planned) = missing.first() else { return Ok(added) };
        added.extend(add(config, &keyring, *planned, now)?);
    }
}

/// Adds one key; none when another issuer was faster, whose key serves as well.
fn add(
    config: &Config,
    keyring: &Keyring,
    planned: Planned,
    now: u64,
) -> Result<Option<String>, RotateError> {
    let key = new_key(keyring, &config.issuer_name, planned, config.epoch.capacity, now)?;
    let name = free_name(keyring, &key.facts().file_stem());
    let path = path_of(&config.keyring, &name);
    match file::create(&path, KEY_MODE, KeyFile::encode(&key).as_bytes()) {
        Ok(()) => Ok(Some(name)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(None),
        Err(cause) => Err(RotateError::Write { path, cause }),
    }
}

/// The stem itself, or with the next number where revoked keys of that day have it. Every issuer that sees the same
/// keyring finds the same name.
fn free_name(keyring: &Keyring, stem: &str) -> String {
    let holders = keyring.entries().into_iter().filter(|entry| entry.facts().file_stem() == stem).count();
    match holders {
        0 => stem.to_owned(),
        _ => format!("{stem}.{}", holders + 1),
    }
}

fn path_of(directory: &Path, name: &str) -> PathBuf {
    directory.join(format!("{name}.{KEY_ENDING}"))
}
