use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use age::DecryptError;
use age::secrecy::SecretString;
use data_encoding::BASE64;
use farthing_service::file;
use farthing_service::keyring::{KEY_ENDING, REVOKED_ENDING};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Permissions of restored files, as the issuer writes them.
const RESTORED_MODE: u32 = 0o640;
/// Permissions of a backup.
const BACKUP_MODE: u32 = 0o600;
const VERSION: u32 = 1;

/// What a backup is encrypted with.
pub enum Lock {
    /// An age recipient, `age1...`.
    Recipient(String),
    /// A passphrase.
    Passphrase(SecretString),
}

/// What a backup is decrypted with.
pub enum Unlock {
    /// The contents of an age identity file.
    Identity(SecretString),
    /// A passphrase.
    Passphrase(SecretString),
}

/// Why a backup was not made or not restored.
#[derive(Debug, Error)]
pub enum BackupError {
    /// A file could not be read or written.
    #[error("{path}: {cause}")]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// There are no keys.
    #[error("the keyring {0} has no keys")]
    Empty(PathBuf),
    /// The recipient is none.
    #[error("the recipient is not an age recipient such as age1...: {0}")]
    Recipient(&'static str),
    /// There is no identity in the file.
    #[error("the identity file holds no line AGE-SECRET-KEY-1...")]
    Identity,
    /// The file is no age file.
    #[error("{0} is not an age file")]
    NotAge(PathBuf),
    /// The passphrase is another.
    #[error("the passphrase is wrong")]
    Passphrase,
    /// A passphrase was given for a file that has none.
    #[error("{0} is not encrypted with a passphrase: use --identity")]
    WantsIdentity(PathBuf),
    /// The file is for somebody else.
    #[error(
        "{0} is encrypted to another identity, or with a passphrase: use that identity, or --passphrase-file"
    )]
    OtherIdentity(PathBuf),
    /// age failed.
    #[error("{0}")]
    Age(String),
    /// What was decrypted is no backup of this version.
    #[error("the file decrypts, but is not a keyring backup of version {VERSION}")]
    Format,
    /// A file of that name has other contents. Nothing was overwritten.
    #[error("{0}: the keyring has another file of this name; move one of them away")]
    Differs(PathBuf),
}

/// The plain text of a backup. It holds every secret key, so it is wiped.
#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(deny_unknown_fields)]
struct Contents {
    version: u32,
    files: Vec<BackedUpFile>,
}

#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(deny_unknown_fields)]
struct BackedUpFile {
    name: String,
    base64: String,
}

/// Writes every key and revocation of the keyring into a new, encrypted file; how many files it holds.
///
/// # Errors
/// The keyring cannot be read, the lock is no good, or the file exists.
pub fn backup(keyring: &Path, output: &Path, lock: Lock) -> Result<usize, BackupError> {
    let mut files = Vec::new();
    for entry in fs::read_dir(keyring).map_err(failed(keyring))? {
        let path = entry.map_err(failed(keyring))?.path();
        if let Some(name) = name_in_keyring(&path) {
            let bytes = Zeroizing::new(fs::read(&path).map_err(failed(&path))?);
            files.push(BackedUpFile { name, base64: BASE64.encode(&bytes) });
        }
    }
    if files.is_empty() {
        return Err(BackupError::Empty(keyring.to_owned()));
    }
    files.sort_by(|one, other| one.name.cmp(&other.name));
    let count = files.len();
    let contents = Contents { version: VERSION, files };
    let plain = Zeroizing::new(serde_json::to_vec(&contents).map_err(|_| BackupError::Format)?);
    let encrypted = match lock {
        Lock::Recipient(text) => {
            let recipient: age::x25519::Recipient = text.parse().map_err(BackupError::Recipient)?;
            age::encrypt(&recipient, &plain)
        }
        Lock::Passphrase(passphrase) => age::encrypt(&age::scrypt::Recipient::new(passphrase), &plain),
    }
    .map_err(|error| BackupError::Age(error.to_string()))?;
    file::create(output, BACKUP_MODE, &encrypted).map_err(failed(output))?;
    Ok(count)
}

/// Puts back what the keyring lacks of a backup; the names it put back. Files that are there are compared and left.
///
/// # Errors
/// The backup cannot be decrypted, or a file differs from the keyring's; then nothing was put back.
pub fn restore(keyring: &Path, input: &Path, unlock: Unlock) -> Result<Vec<String>, BackupError> {
    let encrypted = fs::read(input).map_err(failed(input))?;
    let plain = Zeroizing::new(decrypt(input, &encrypted, unlock)?);
    let contents: Contents = serde_json::from_slice(&plain).map_err(|_| BackupError::Format)?;
    if contents.version != VERSION {
        return Err(BackupError::Format);
    }
    let mut missing = Vec::new();
    for entry in &contents.files {
        // Names come from a file: none may lead out of the keyring.
        let path = keyring.join(&entry.name);
        if name_in_keyring(&path).as_ref() != Some(&entry.name) {
            return Err(BackupError::Format);
        }
        let bytes = Zeroizing::new(BASE64.decode(entry.base64.as_bytes()).map_err(|_| BackupError::Format)?);
        match fs::read(&path).map(Zeroizing::new) {
            Ok(present) if present == bytes => {}
            Ok(_) => return Err(BackupError::Differs(path)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                missing.push((path, bytes, entry.name.clone()));
            }
            Err(cause) => return Err(BackupError::File { path, cause }),
        }
    }
    // Revocations first, so that no revoked key is in force even for a moment.
    missing.sort_by_key(|(path, ..)| path.extension().is_none_or(|ending| ending != REVOKED_ENDING));
    let mut restored = Vec::new();
    for (path, bytes, name) in missing {
        file::create_parent_directories(&path).map_err(failed(&path))?;
        file::create(&path, RESTORED_MODE, &bytes).map_err(failed(&path))?;
        restored.push(name);
    }
    Ok(restored)
}

/// What becomes of a file system error at `path`.
fn failed(path: &Path) -> impl FnOnce(io::Error) -> BackupError + '_ {
    move |cause| BackupError::File { path: path.to_owned(), cause }
}

fn decrypt(input: &Path, encrypted: &[u8], unlock: Unlock) -> Result<Vec<u8>, BackupError> {
    use age::secrecy::ExposeSecret;
    let with_passphrase = matches!(unlock, Unlock::Passphrase(_));
    match unlock {
        Unlock::Passphrase(passphrase) => age::decrypt(&age::scrypt::Identity::new(passphrase), encrypted),
        Unlock::Identity(text) => {
            let identity: age::x25519::Identity = text
                .expose_secret()
                .lines()
                .find_map(|line| line.trim().parse().ok())
                .ok_or(BackupError::Identity)?;
            age::decrypt(&identity, encrypted)
        }
    }
    .map_err(|error| match (error, with_passphrase) {
        (DecryptError::InvalidHeader | DecryptError::UnknownFormat, _) => {
            BackupError::NotAge(input.to_owned())
        }
        (DecryptError::DecryptionFailed | DecryptError::KeyDecryptionFailed, true) => BackupError::Passphrase,
        (DecryptError::NoMatchingKeys, true) => BackupError::WantsIdentity(input.to_owned()),
        (DecryptError::NoMatchingKeys, false) => BackupError::OtherIdentity(input.to_owned()),
        (other, _) => BackupError::Age(other.to_string()),
    })
}

/// The file name, if it is one that belongs into a keyring.
fn name_in_keyring(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    let ending = path.extension()?.to_str()?;
    let belongs =
        (ending == KEY_ENDING || ending == REVOKED_ENDING) && !name.starts_with('.') && !name.contains('/');
    belongs.then(|| name.to_owned())
}
