//! The file's bytes: encrypting a state to them, and reading them again.

use std::io::{self, Read, Write};
use std::path::Path;

use age::secrecy::{ExposeSecret, SecretString};
use age::x25519;
use farthing_api::Base64Url;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::error::WalletFileError;
use crate::secret_json::to_secret_json;
use crate::wallet_state::{StateError, WalletState};

/// Version of the file's outer form. What it holds has a version of its own.
const FILE_VERSION: u64 = 1;
/// The first line is about 500 bytes; a longer one is no wallet's.
const MAX_HEADER_LENGTH: usize = 4096;
/// log2 of the most scrypt work that opening a file may cost: 4 GiB of memory. The file is the user's own.
const MAX_WORK_FACTOR: u8 = 22;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Header {
    #[serde(rename = "farthing-wallet")]
    version: u64,
    identity: Base64Url<Vec<u8>>,
}

#[derive(Serialize)]
struct BodyToWrite<'a> {
    #[serde(rename = "farthing-wallet")]
    version: u64,
    header: Base64Url<[u8; 32]>,
    state: &'a WalletState,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BodyRead<'a> {
    #[serde(rename = "farthing-wallet")]
    version: u64,
    header: Base64Url<[u8; 32]>,
    #[serde(borrow)]
    state: &'a serde_json::value::RawValue,
}

/// What every save of one wallet has in common: its first line, and the key that the rest is encrypted to.
pub(super) struct Seal {
    pub(super) header_line: Vec<u8>,
    pub(super) recipient: x25519::Recipient,
}

impl Seal {
    /// A new key, encrypted to a passphrase.
    pub(super) fn new(
        path: &Path,
        passphrase: &SecretString,
        work_factor: Option<u8>,
    ) -> Result<Self, WalletFileError> {
        Self::around(path, &x25519::Identity::generate(), passphrase, work_factor)
    }

    /// A key, encrypted to a passphrase.
    pub(super) fn around(
        path: &Path,
        identity: &x25519::Identity,
        passphrase: &SecretString,
        work_factor: Option<u8>,
    ) -> Result<Self, WalletFileError> {
        let mut lock = age::scrypt::Recipient::new(passphrase.clone());
        if let Some(log_n) = work_factor {
            lock.set_work_factor(log_n.clamp(1, MAX_WORK_FACTOR));
        }
        let sealed = encrypt(path, &lock, identity.to_string().expose_secret().as_bytes())?;
        let header = Header { version: FILE_VERSION, identity: Base64Url(sealed) };
        let mut header_line = to_json(path, &header)?.to_vec();
        header_line.push(b'\n');
        Ok(Self { header_line, recipient: identity.to_public() })
    }

    /// Reads a whole file.
    pub(super) fn open(
        path: &Path,
        bytes: &[u8],
        passphrase: &SecretString,
    ) -> Result<(Self, WalletState), WalletFileError> {
        let (header_line, body) = split_header(path, bytes)?;
        let header = read_header(path, header_line)?;
        let identity = decrypt_identity(path, &header, passphrase)?;
        let plaintext = decrypt_body(path, body, &identity)?;
        let state = read_body(path, &plaintext, header_line)?;
        Ok((Self { header_line: header_line.to_vec(), recipient: identity.to_public() }, state))
    }

    /// The bytes of a whole file that holds `state`.
    pub(super) fn seal(&self, path: &Path, state: &WalletState) -> Result<Vec<u8>, WalletFileError> {
        let header = Base64Url(Sha256::digest(&self.header_line).into());
        let body = BodyToWrite { version: FILE_VERSION, header, state };
        let sealed = encrypt(path, &self.recipient, &to_json(path, &body)?)?;
        Ok([self.header_line.as_slice(), &sealed].concat())
    }
}

pub(super) fn split_header<'a>(
    path: &Path,
    bytes: &'a [u8],
) -> Result<(&'a [u8], &'a [u8]), WalletFileError> {
    let end = bytes.iter().take(MAX_HEADER_LENGTH).position(|byte| *byte == b'\n');
    let end = end.ok_or_else(|| not_a_wallet(path, "it has no first line of JSON"))?;
    Ok(bytes.split_at(end + 1))
}

pub(super) fn read_header(path: &Path, line: &[u8]) -> Result<Header, WalletFileError> {
    let value: serde_json::Value =
        serde_json::from_slice(line).map_err(|_| not_a_wallet(path, "its first line is not JSON"))?;
    let found = value.get("farthing-wallet").and_then(serde_json::Value::as_u64);
    let found =
        found.ok_or_else(|| not_a_wallet(path, "its first line names no `farthing-wallet` version"))?;
    check_version(path, found)?;
    serde_json::from_value(value).map_err(|error| not_a_wallet(path, &format!("its first line: {error}")))
}

fn check_version(path: &Path, found: u64) -> Result<(), WalletFileError> {
    match found {
        FILE_VERSION => Ok(()),
        0 => Err(not_a_wallet(path, "there is no version 0")),
        _ => Err(WalletFileError::NewerVersion { path: path.to_owned(), found, known: FILE_VERSION }),
    }
}

pub(super) fn decrypt_identity(
    path: &Path,
    header: &Header,
    passphrase: &SecretString,
) -> Result<x25519::Identity, WalletFileError> {
    let mut key = age::scrypt::Identity::new(passphrase.clone());
    key.set_max_work_factor(MAX_WORK_FACTOR);
    let text = decrypt(&header.identity.0, &key).map_err(|reason| match reason {
        DecryptFailure::TooMuchWork => not_a_wallet(path, "its passphrase is stretched beyond reason"),
        DecryptFailure::Other(_) => WalletFileError::WrongPassphrase { path: path.to_owned() },
    })?;
    let text = std::str::from_utf8(&text).map_err(|_| not_a_wallet(path, "its identity is not text"))?;
    text.parse().map_err(|reason| not_a_wallet(path, &format!("its identity: {reason}")))
}

fn decrypt_body(
    path: &Path,
    body: &[u8],
    identity: &x25519::Identity,
) -> Result<Zeroizing<Vec<u8>>, WalletFileError> {
    decrypt(body, identity).map_err(|reason| {
        let reason = match reason {
            DecryptFailure::TooMuchWork => "it is not encrypted to its own key".to_owned(),
            DecryptFailure::Other(reason) => reason,
        };
        WalletFileError::Damaged { path: path.to_owned(), reason }
    })
}

fn read_body(path: &Path, plaintext: &[u8], header_line: &[u8]) -> Result<WalletState, WalletFileError> {
    let damaged = |reason: String| WalletFileError::Damaged { path: path.to_owned(), reason };
    // serde_json's message may quote what it found, and what is found here is secret: the place must do.
    let body: BodyRead<'_> = serde_json::from_slice(plaintext)
        .map_err(|error| damaged(format!("its content does not read at byte {}", error.column())))?;
    check_version(path, body.version)?;
    if body.header.0 != <[u8; 32]>::from(Sha256::digest(header_line)) {
        return Err(damaged("its content belongs to another first line".to_owned()));
    }
    WalletState::from_json(body.state.get()).map_err(|error| match error {
        StateError::NewerVersion { found, known } => {
            WalletFileError::NewerVersion { path: path.to_owned(), found, known }
        }
        StateError::Unreadable { reason } => damaged(reason),
    })
}

enum DecryptFailure {
    TooMuchWork,
    Other(String),
}

fn decrypt(bytes: &[u8], identity: &dyn age::Identity) -> Result<Zeroizing<Vec<u8>>, DecryptFailure> {
    let mut plaintext = Zeroizing::new(Vec::with_capacity(bytes.len()));
    let failure = |error| match error {
        age::DecryptError::ExcessiveWork { .. } => DecryptFailure::TooMuchWork,
        error => DecryptFailure::Other(error.to_string()),
    };
    let decryptor = age::Decryptor::new_buffered(bytes).map_err(failure)?;
    let mut reader = decryptor.decrypt(std::iter::once(identity)).map_err(failure)?;
    reader.read_to_end(&mut plaintext).map_err(|error| DecryptFailure::Other(error.to_string()))?;
    Ok(plaintext)
}

pub(super) fn encrypt(
    path: &Path,
    recipient: &dyn age::Recipient,
    plaintext: &[u8],
) -> Result<Vec<u8>, WalletFileError> {
    let failure = |reason: String| WalletFileError::Encryption { path: path.to_owned(), reason };
    let encryptor =
        age::Encryptor::with_recipients(std::iter::once(recipient)).map_err(|e| failure(e.to_string()))?;
    let write = || -> io::Result<Vec<u8>> {
        let mut writer = encryptor.wrap_output(Vec::with_capacity(plaintext.len() + 512))?;
        writer.write_all(plaintext)?;
        writer.finish()
    };
    write().map_err(|e| failure(e.to_string()))
}

fn to_json(path: &Path, value: &impl Serialize) -> Result<Zeroizing<Vec<u8>>, WalletFileError> {
    to_secret_json(value)
        .map_err(|error| WalletFileError::Encryption { path: path.to_owned(), reason: error.to_string() })
}

fn not_a_wallet(path: &Path, reason: &str) -> WalletFileError {
    WalletFileError::NotAWallet { path: path.to_owned(), reason: reason.to_owned() }
}
