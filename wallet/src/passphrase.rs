//! Where the passphrase comes from: `--passphrase-file`, the environment, or the terminal.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use age::secrecy::SecretString;
use zeroize::Zeroizing;

/// The environment variable.
pub(crate) const VARIABLE: &str = "FARTHING_PASSPHRASE";

/// Why there is no passphrase.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PassphraseError {
    /// The file cannot be read.
    #[error("cannot read the passphrase from {}: {source}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is not UTF-8.
    #[error("the passphrase of {from} is not UTF-8 text")]
    NotText {
        /// Where it came from.
        from: String,
    },
    /// It is empty.
    #[error("the passphrase of {from} is empty")]
    Empty {
        /// Where it came from.
        from: String,
    },
    /// Nobody can be asked.
    #[error("cannot ask for the passphrase ({source}): use --passphrase-file FILE or set {VARIABLE}")]
    NoTerminal {
        /// What the system said.
        source: io::Error,
    },
    /// It was typed in two ways.
    #[error("the two passphrases differ: nothing was made; try again")]
    Differ,
}

/// What the passphrase is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Opening a wallet.
    Open,
    /// Making one: typed twice.
    Make,
}

/// Gets the passphrase: from the file's first line, else from the environment variable's value, else by asking.
pub(crate) fn obtain(
    file: Option<&Path>,
    variable: Option<OsString>,
    purpose: Purpose,
) -> Result<SecretString, PassphraseError> {
    let (from, text) = match (file, variable) {
        (Some(path), _) => (path.display().to_string(), first_line(path)?),
        (None, Some(value)) => {
            let from = VARIABLE.to_owned();
            let text = value.into_string().map_err(|_| PassphraseError::NotText { from: from.clone() })?;
            (from, Zeroizing::new(text))
        }
        (None, None) => ("the terminal".to_owned(), ask(purpose)?),
    };
    if text.is_empty() {
        return Err(PassphraseError::Empty { from });
    }
    Ok(SecretString::from(text.as_str()))
}

fn first_line(path: &Path) -> Result<Zeroizing<String>, PassphraseError> {
    let bytes =
        std::fs::read(path).map_err(|source| PassphraseError::File { path: path.to_owned(), source })?;
    let bytes = Zeroizing::new(bytes);
    let text = std::str::from_utf8(&bytes)
        .map_err(|_| PassphraseError::NotText { from: path.display().to_string() })?;
    Ok(Zeroizing::new(text.lines().next().unwrap_or_default().to_owned()))
}

fn ask(purpose: Purpose) -> Result<Zeroizing<String>, PassphraseError> {
    let prompt = |text: &str| {
        rpassword::prompt_password(text)
            .map(Zeroizing::new)
            .map_err(|source| PassphraseError::NoTerminal { source })
    };
    match purpose {
        Purpose::Open => prompt("Passphrase of the wallet: "),
        Purpose::Make => {
            let first = prompt("Passphrase for the new wallet: ")?;
            let second = prompt("The same again: ")?;
            if first == second { Ok(first) } else { Err(PassphraseError::Differ) }
        }
    }
}

#[cfg(test)]
mod tests {
    use age::secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn the_file_comes_before_the_environment_and_only_its_first_line_counts() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("passphrase");
        std::fs::write(&path, "of the file \r\nsecond line\n").unwrap();
        let obtained = obtain(Some(&path), Some("of the environment".into()), Purpose::Open).unwrap();
        assert_eq!(obtained.expose_secret(), "of the file ");
        let obtained = obtain(None, Some("of the environment".into()), Purpose::Make).unwrap();
        assert_eq!(obtained.expose_secret(), "of the environment");
    }

    #[test]
    fn an_empty_or_missing_passphrase_is_refused_and_says_from_where() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("passphrase");
        let missing = obtain(Some(&path), None, Purpose::Open).unwrap_err();
        assert!(missing.to_string().contains("cannot read"), "{missing}");
        std::fs::write(&path, "\n").unwrap();
        assert!(matches!(obtain(Some(&path), None, Purpose::Open), Err(PassphraseError::Empty { .. })));
        let empty = obtain(None, Some(OsString::new()), Purpose::Open).unwrap_err();
        assert_eq!(empty.to_string(), "the passphrase of FARTHING_PASSPHRASE is empty");
    }
}
