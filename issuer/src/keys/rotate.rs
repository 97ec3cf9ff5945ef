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

/// How often the directory is read again when another issuer was faster: more often than keys are due at once.
const TRIES: u32 = 64;
/// How far the clocks of issuers that share a keyring may be apart.
const CLOCK_TOLERANCE_SECONDS: u64 = 3_600;

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
    /// The clock is behind: a key was made later than now.
    #[error("no new token key: {0} was made after the time that this machine's clock shows; set the clock")]
    ClockBehind(String),
    /// A key is of another issuer.
    #[error("no new token key: {name} is of issuer {found}, and this service is configured for {expected}")]
    OtherIssuer {
        /// The key's file without ending.
        name: String,
        /// Its issuer.
        found: String,
        /// Ours.
        expected: String,
    },
    /// Other issuers added keys all the time.
    #[error("no new token key: other issuers keep changing the keyring; try again")]
    Contended,
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
    for _ in 0..TRIES {
        let keyring = keyring::read(&config.keyring, now)?;
        check(config, &keyring, now)?;
        let missing = plan(&keyring, &config.denominations(), config.epoch, early, now)?;
        let Some(planned) = missing.first() else { return Ok(added) };
        added.extend(add(config, &keyring, *planned, now)?);
    }
    Err(RotateError::Contended)
}

/// Refuses to add to a keyring when the clock or the configuration is wrong: such a key could never be taken back.
fn check(config: &Config, keyring: &Keyring, now: u64) -> Result<(), RotateError> {
    for entry in keyring.entries() {
        let facts = entry.facts();
        if facts.created() > now + CLOCK_TOLERANCE_SECONDS {
            return Err(RotateError::ClockBehind(entry.name().to_owned()));
        }
        if *facts.issuer_name() != config.issuer_name {
            return Err(RotateError::OtherIssuer {
                name: entry.name().to_owned(),
                found: facts.issuer_name().to_string(),
                expected: config.issuer_name.to_string(),
            });
        }
    }
    Ok(())
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

/// The stem itself, or with the number after the highest that a key of that day has, revoked as they are. Every issuer
/// that sees the same keyring finds the same name.
fn free_name(keyring: &Keyring, stem: &str) -> String {
    let number = |name: &str| match name.strip_prefix(stem)? {
        "" => Some(1),
        suffix => suffix.strip_prefix('.')?.parse::<u32>().ok(),
    };
    let keys = keyring.entries().into_iter().filter_map(|entry| number(entry.name()));
    let revoked = keyring.revoked_names().iter().filter_map(|name| number(name));
    match keys.chain(revoked).max() {
        None => stem.to_owned(),
        Some(highest) => format!("{stem}.{}", highest + 1),
    }
}

fn path_of(directory: &Path, name: &str) -> PathBuf {
    directory.join(format!("{name}.{KEY_ENDING}"))
}
