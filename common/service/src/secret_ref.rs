//! Secrets: the configuration names where one is, and the program reads it there.

use std::fmt;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use data_encoding::BASE64URL_NOPAD;
use farthing_api::Base64Url;
use serde::{Deserialize, Deserializer, de};
use zeroize::Zeroizing;

use crate::file;

/// Random bytes that [`SecretRef::create_if_missing`] makes.
const CREATED_LENGTH: usize = 32;

/// What to do when a secret is not there that our programs make.
const MADE: &str = "`store init` makes it, the gate's `init`";
/// The same for one that somebody else chose.
const CHOSEN: &str = "put the secret there";

/// Where a secret is: `file:PATH` (a relative path starts at the configuration file's directory) or `env:NAME`.
/// There it is base64url text; white space around it does not matter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretRef {
    /// The contents of a file.
    File(PathBuf),
    /// The value of an environment variable.
    Env(String),
}

impl SecretRef {
    /// Reads the text of a reference.
    ///
    /// # Errors
    /// When it has neither form. The text is not repeated: it may be the secret itself.
    pub fn parse(text: &str) -> Result<Self, InvalidSecretRef> {
        match text.split_once(':') {
            Some(("file", path)) if !path.is_empty() && !path.contains('\0') => Ok(Self::File(path.into())),
            Some(("env", name)) if !name.is_empty() && !name.contains(['=', '\0']) => {
                Ok(Self::Env(name.to_owned()))
            }
            _ => Err(InvalidSecretRef),
        }
    }

    /// Reads the secret; `base` is the configuration file's directory. A file that others than its owner can read
    /// is taken, with a warning in the log.
    ///
    /// # Errors
    /// When it is not there, cannot be read, is empty or is not base64url.
    pub fn read(&self, base: &Path) -> Result<SecretBytes, SecretError> {
        let text = self.text(base, MADE)?;
        let bytes = Base64Url::<Vec<u8>>::decode(&text).map(Zeroizing::new);
        match bytes {
            Some(bytes) if !bytes.is_empty() => Ok(SecretBytes { place: self.clone(), bytes }),
            _ => Err(self.error("what is there is not base64url")),
        }
    }

    /// Reads a secret that is any text, such as a password somebody else chose. White space around it does not
    /// matter. A file that others than its owner can read is taken, with a warning in the log.
    ///
    /// # Errors
    /// When it is not there, cannot be read, or is empty.
    pub fn read_text(&self, base: &Path) -> Result<Zeroizing<String>, SecretError> {
        self.text(base, CHOSEN)
    }

    /// Reads a secret; `remedy` is what to do when its file is not there.
    fn text(&self, base: &Path, remedy: &str) -> Result<Zeroizing<String>, SecretError> {
        let text = match self {
            Self::File(path) => {
                let path = base.join(path);
                let text = std::fs::read_to_string(&path)
                    .map(Zeroizing::new)
                    .map_err(|error| self.unread(&error, remedy))?;
                let mode = std::fs::metadata(&path)
                    .map_err(|error| self.unread(&error, remedy))?
                    .permissions()
                    .mode();
                // Engines mount secrets there readable by all, for whoever is in the container.
                if mode & 0o077 != 0 && !path.starts_with("/run/secrets") {
                    tracing::warn!(file = %path.display(), "others than its owner can read this secret; chmod 600 it");
                }
                text
            }
            Self::Env(name) => match std::env::var(name) {
                Ok(text) => Zeroizing::new(text),
                Err(_) => return Err(self.error("the variable is not set, or not text; set it")),
            },
        };
        let trimmed = text.trim();
        if trimmed.is_empty() {
            Err(self.error("there is nothing in it"))
        } else {
            Ok(Zeroizing::new(trimmed.to_owned()))
        }
    }

    /// Makes the secret, 32 random bytes, if it is a file that does not exist: durably, readable by its owner alone,
    /// and without ever replacing one. Missing directories above it are made. Returns whether it made one.
    ///
    /// # Errors
    /// When the file cannot be written, or the secret belongs into an environment variable that is not set.
    pub fn create_if_missing(&self, base: &Path) -> Result<bool, SecretError> {
        let path = match self {
            Self::File(path) => base.join(path),
            Self::Env(_) => return self.read(base).map(|_| false),
        };
        let mut bytes = Zeroizing::new([0; CREATED_LENGTH]);
        getrandom::fill(&mut *bytes).map_err(|error| self.fault(&io::Error::other(error)))?;
        let text = Zeroizing::new(BASE64URL_NOPAD.encode(&*bytes) + "\n");
        file::create_parent_directories(&path).map_err(|error| self.fault(&error))?;
        match file::create(&path, 0o600, text.as_bytes()) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(self.fault(&error)),
        }
    }

    fn error(&self, reason: impl Into<String>) -> SecretError {
        SecretError { place: self.clone(), reason: reason.into() }
    }

    fn unread(&self, error: &io::Error, remedy: &str) -> SecretError {
        match error.kind() {
            io::ErrorKind::NotFound => self.error(format!("the file does not exist; {remedy}")),
            _ => self.fault(error),
        }
    }

    fn fault(&self, error: &io::Error) -> SecretError {
        self.error(format!("the file cannot be used: {error}"))
    }
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::Env(name) => write!(f, "env:{name}"),
        }
    }
}

impl<'de> Deserialize<'de> for SecretRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&Zeroizing::new(String::deserialize(deserializer)?)).map_err(de::Error::custom)
    }
}

/// A text that is no [`SecretRef`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a secret is named, not given: write \"file:PATH\" or \"env:NAME\"")]
pub struct InvalidSecretRef;

/// Why a secret could not be had. Says where it was looked for, and nothing of what is there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {reason}")]
pub struct SecretError {
    place: SecretRef,
    reason: String,
}

/// A secret that was read; zeroized on drop.
pub struct SecretBytes {
    place: SecretRef,
    bytes: Zeroizing<Vec<u8>>,
}

impl SecretBytes {
    /// Whether it is the same secret, wherever it was read.
    pub fn is_same(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }

    /// The bytes, of which there must be exactly `N`.
    ///
    /// # Errors
    /// When there are more or fewer.
    pub fn as_array<const N: usize>(&self) -> Result<&[u8; N], SecretError> {
        self.bytes
            .as_slice()
            .try_into()
            .map_err(|_| self.place.error(format!("it is {} bytes long and must be {N}", self.bytes.len())))
    }
}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretBytes(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_has_one_of_two_forms() {
        assert_eq!(SecretRef::parse("file:a:b").unwrap(), SecretRef::File("a:b".into()));
        assert_eq!(SecretRef::parse("env:KEY").unwrap().to_string(), "env:KEY");
        for text in ["", "file:", "env:", "env:A=B", "hunter2", "FILE:x", "vault:x", " file:x"] {
            let line = SecretRef::parse(text).unwrap_err().to_string();
            assert_eq!(line, "a secret is named, not given: write \"file:PATH\" or \"env:NAME\"");
        }
    }

    #[test]
    fn a_secret_is_made_once_and_read_back() {
        let directory = tempfile::tempdir().unwrap();
        let secret = SecretRef::parse("file:data/signing.key").unwrap();
        let missing = secret.read(directory.path()).unwrap_err().to_string();
        assert_eq!(
            missing,
            "file:data/signing.key: the file does not exist; `store init` makes it, the gate's `init`"
        );
        let chosen = secret.read_text(directory.path()).unwrap_err().to_string();
        assert_eq!(chosen, "file:data/signing.key: the file does not exist; put the secret there");
        assert!(secret.create_if_missing(directory.path()).unwrap());
        let first = *secret.read(directory.path()).unwrap().as_array::<32>().unwrap();
        assert!(!secret.create_if_missing(directory.path()).unwrap());
        assert_eq!(secret.read(directory.path()).unwrap().as_array::<32>().unwrap(), &first);
        assert_ne!(first, [0; 32]);
        let mode = std::fs::metadata(directory.path().join("data/signing.key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o600);
    }

    #[test]
    fn what_is_no_secret_is_refused_without_being_shown() {
        let directory = tempfile::tempdir().unwrap();
        let secret = SecretRef::parse("file:key").unwrap();
        for (contents, line) in [
            ("", "file:key: there is nothing in it"),
            ("\n", "file:key: there is nothing in it"),
            ("hunter2!", "file:key: what is there is not base64url"),
        ] {
            std::fs::write(directory.path().join("key"), contents).unwrap();
            assert_eq!(secret.read(directory.path()).unwrap_err().to_string(), line, "{contents:?}");
        }
        assert_eq!(*secret.read_text(directory.path()).unwrap(), "hunter2!");
        std::fs::write(directory.path().join("key"), " AAEC\n").unwrap();
        let bytes = secret.read(directory.path()).unwrap();
        assert_eq!(bytes.as_array::<3>().unwrap(), &[0, 1, 2]);
        let line = bytes.as_array::<32>().unwrap_err().to_string();
        assert_eq!(line, "file:key: it is 3 bytes long and must be 32");
    }

    #[test]
    fn an_environment_variable_is_read_and_never_made() {
        // Cargo sets this one for every test; its value is a version and thus no base64url.
        let secret = SecretRef::parse("env:CARGO_PKG_VERSION").unwrap();
        let line = secret.read(Path::new(".")).unwrap_err().to_string();
        assert_eq!(line, "env:CARGO_PKG_VERSION: what is there is not base64url");
        let unset = SecretRef::parse("env:FARTHING_TEST_NEVER_SET").unwrap();
        let line = unset.create_if_missing(Path::new(".")).unwrap_err().to_string();
        assert_eq!(line, "env:FARTHING_TEST_NEVER_SET: the variable is not set, or not text; set it");
    }

    #[test]
    fn debug_shows_nothing_of_the_secret() {
        let secret = SecretBytes { place: SecretRef::Env("KEY".into()), bytes: Zeroizing::new(vec![7; 32]) };
        assert_eq!(format!("{secret:?}"), "SecretBytes(..)");
    }
}
