use std::io;
use std::path::PathBuf;

use farthing_protocol::Day;
use farthing_service::file;
use farthing_service::keyring::{self, KeyringError, REVOKED_ENDING};
use thiserror::Error;

use super::{RotateError, rotate};
use crate::config::Config;

/// Permissions of a revocation: as a key's, though there is nothing secret in it.
const REVOKED_MODE: u32 = 0o640;

/// Why a key was not revoked.
#[derive(Debug, Error)]
pub enum RevokeError {
    /// The keyring as it is cannot be read.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// No key has this name or id.
    #[error("no token key is called {0}; `keys list` shows names and ids")]
    Unknown(String),
    /// The file could not be written.
    #[error("not revoked: {path}: {cause}; give this service's user write access")]
    Write {
        /// The revocation's file.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// The key is revoked, and its successor could not be made.
    #[error("the key is revoked, but has no successor yet (the running service tries again): {0}")]
    Successor(#[from] RotateError),
}

/// Revokes the key with this name or token key id, for ever, and installs a successor valid from today; the names of
/// both. Revoking again mends what an earlier attempt left undone.
///
/// # Errors
/// The key is unknown, or a file cannot be written.
pub fn revoke(config: &Config, name_or_id: &str, now: u64) -> Result<(String, Vec<String>), RevokeError> {
    let keyring = keyring::read(&config.keyring, now)?;
    let entry = keyring
        .entries()
        .into_iter()
        .find(|entry| entry.name() == name_or_id || entry.facts().token_key_id().to_string() == name_or_id)
        .ok_or_else(|| RevokeError::Unknown(name_or_id.to_owned()))?;
    let path = config.keyring.join(format!("{}.{REVOKED_ENDING}", entry.name()));
    // First the revocation, then the successor: a crash between them leaves no key in use that should not be.
    match file::create(&path, REVOKED_MODE, format!("{}\n", Day::from_unix(now)).as_bytes()) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(cause) => return Err(RevokeError::Write { path, cause }),
    }
    Ok((entry.name().to_owned(), rotate(config, false, now)?))
}
