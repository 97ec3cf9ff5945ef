//! The encrypted file.
//!
//! ```text
//! line 1   {"farthing-wallet":1,"identity":"<base64url>"}\n
//!          identity: an age file, encrypted to the passphrase (scrypt), that holds an age X25519 identity
//! rest     an age file, encrypted to that identity, that holds
//!          {"farthing-wallet":1,"header":"<base64url SHA-256 of line 1>","state":{"version":1,...}}
//! ```
//!
//! So the passphrase is stretched once a session and a save is cheap. The body repeats the format's version and
//! names the exact first line it belongs to. It is replaced as a whole: temporary file, fsync, rename, fsync of the
//! directory.

mod error;
mod sealing;
mod storage;

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use age::secrecy::{ExposeSecret, SecretString};

use crate::wallet_state::WalletState;

pub use error::WalletFileError;
use sealing::Seal;
use storage::{beside, directory_of, io_error, is_at, owner_only, replace};

/// The right to use one wallet path, held until dropped: an advisory lock on `<path>.lock` beside it, which goes again
/// if there is no wallet then.
#[derive(Debug)]
pub struct WalletLock {
    path: PathBuf,
    _lock: File,
}

impl WalletLock {
    /// Takes the lock. The wallet itself need not exist; its directory must.
    ///
    /// # Errors
    ///
    /// [`WalletFileError::Locked`] at once if another process has it, [`WalletFileError::NoDirectory`],
    /// [`WalletFileError::Io`].
    pub fn acquire(path: &Path) -> Result<Self, WalletFileError> {
        check_directory(path)?;
        // A link to the wallet must lead to the same lock, and stay a link when the wallet is replaced.
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let lock_path = beside(&path, ".lock");
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        loop {
            let lock = owner_only(&mut options).open(&lock_path).map_err(io_error("open", &lock_path))?;
            match lock.try_lock() {
                // One that was removed meanwhile locks nobody else out.
                Ok(()) if is_at(&lock, &lock_path) => return Ok(Self { path, _lock: lock }),
                Ok(()) => {}
                Err(fs::TryLockError::WouldBlock) => return Err(WalletFileError::Locked { path }),
                Err(fs::TryLockError::Error(source)) => return Err(io_error("lock", &lock_path)(source)),
            }
        }
    }

    /// Whether the wallet exists.
    pub fn wallet_exists(&self) -> bool {
        self.path.exists()
    }

    /// Opens the wallet.
    ///
    /// # Errors
    ///
    /// [`WalletFileError`]; nothing is written.
    pub fn open(self, passphrase: &SecretString) -> Result<(WalletFile, WalletState), WalletFileError> {
        let path = &self.path;
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(WalletFileError::Missing { path: path.clone() });
            }
            Err(error) => return Err(io_error("read", path)(error)),
        };
        let (seal, state) = Seal::open(path, &bytes, passphrase)?;
        Ok((WalletFile { seal, lock: self }, state))
    }

    /// Prepares a new wallet with this passphrase. Nothing is written before the first [`WalletFile::save`].
    ///
    /// # Errors
    ///
    /// [`WalletFileError::EmptyPassphrase`], [`WalletFileError::Encryption`].
    pub fn create(
        self,
        passphrase: &SecretString,
        work_factor: Option<u8>,
    ) -> Result<WalletFile, WalletFileError> {
        if passphrase.expose_secret().is_empty() {
            return Err(WalletFileError::EmptyPassphrase);
        }
        let seal = Seal::new(&self.path, passphrase, work_factor)?;
        Ok(WalletFile { seal, lock: self })
    }
}

#[cfg(unix)]
impl Drop for WalletLock {
    fn drop(&mut self) {
        // Elsewhere than on Unix it stays: an open file cannot be removed there.
        if !self.wallet_exists() {
            // A lock file that stays does no harm.
            let _ = fs::remove_file(beside(&self.path, ".lock"));
        }
    }
}

/// Makes sure that a wallet at this path would have a directory.
///
/// # Errors
///
/// [`WalletFileError::NoDirectory`].
pub(crate) fn check_directory(path: &Path) -> Result<(), WalletFileError> {
    let directory = directory_of(path);
    if directory.is_dir() {
        Ok(())
    } else {
        Err(WalletFileError::NoDirectory { directory: directory.to_owned() })
    }
}

/// An open wallet file, locked until dropped.
pub struct WalletFile {
    seal: Seal,
    lock: WalletLock,
}

impl WalletFile {
    /// Where the wallet is.
    pub fn path(&self) -> &Path {
        &self.lock.path
    }

    /// Replaces the file by one that holds `state`; durable when this returns.
    ///
    /// # Errors
    ///
    /// [`WalletFileError::Io`], [`WalletFileError::Encryption`]; the file before it then still stands.
    pub fn save(&self, state: &WalletState) -> Result<(), WalletFileError> {
        let path = self.path();
        replace(path, &self.seal.seal(path, state)?)
    }
}

impl std::fmt::Debug for WalletFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WalletFile").field("path", &self.path()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
