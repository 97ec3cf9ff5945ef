use std::io;
use std::path::PathBuf;

use farthing_protocol::{Day, Denomination};
use farthing_service::file;
use farthing_service::keyring::{self, REVOKED_ENDING};
use thiserror::Error;

use super::{RotateError, rotate};
use crate::config::Config;

/// Permissions of a revocation: everybody who can look into the directory may see it, for there is nothing secret in it.
const REVOKED_MODE: u32 = 0o644;

/// Why a key was not revoked.
#[derive(Debug, Error)]
pub enum RevokeError {
    /// No key has this name or id, and no key could have it as its name.
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
/// A name is enough: a key whose file is lost or broken can be revoked, and so can any key while another file of the
/// keyring is broken.
///
/// # Errors
/// The key is unknown, a file cannot be written, or there is no successor yet.
pub fn revoke(config: &Config, name_or_id: &str, now: u64) -> Result<(String, Vec<String>), RevokeError> {
    let name = name_of(config, name_or_id, now).ok_or_else(|| RevokeError::Unknown(name_or_id.to_owned()))?;
    let path = config.keyring.join(format!("{name}.{REVOKED_ENDING}"));
    // First the revocation, then the successor: a crash between them leaves no key in use that should not be.
    match file::create(&path, REVOKED_MODE, format!("{}\n", Day::from_unix(now)).as_bytes()) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(cause) => return Err(RevokeError::Write { path, cause }),
    }
    Ok((name, rotate(config, false, now)?))
}

/// The name of a key that is in the keyring, or a name that a key lost from it could have had.
fn name_of(config: &Config, name_or_id: &str, now: u64) -> Option<String> {
    let keyring = keyring::read(&config.keyring, now).unwrap_or_default();
    let named = keyring
        .entries()
        .into_iter()
        .find(|entry| entry.name() == name_or_id || entry.facts().token_key_id().to_string() == name_or_id);
    named.map(|entry| entry.name().to_owned()).or_else(|| is_name(name_or_id).then(|| name_or_id.to_owned()))
}

/// Whether a text has the form of a key's name: denomination, first day, and perhaps a number.
fn is_name(text: &str) -> bool {
    let mut parts = text.splitn(3, '.');
    let denomination = parts.next().is_some_and(|part| part.parse::<Denomination>().is_ok());
    let day = parts.next().is_some_and(|part| part.parse::<Day>().is_ok());
    denomination && day && parts.next().is_none_or(|part| part.parse::<u32>().is_ok())
}
