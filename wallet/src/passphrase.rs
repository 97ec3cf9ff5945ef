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
    #[error("the passphrase is empty{}", shown(.from.as_deref()))]
    Empty {
        /// Where it came from, unless it was typed.
        from: Option<String>,
    },
    /// Nobody can be asked.
    #[error("there is no terminal to ask on; use --passphrase-file or {VARIABLE}")]
    NoTerminal,
    /// The terminal failed.
    #[error("cannot read the passphrase from the terminal ({source}); use --passphrase-file or {VARIABLE}")]
    Terminal {
        /// What the system said.
        source: io::Error,
    },
    /// Whoever was asked pressed Ctrl-C.
    #[error("interrupted: nothing was done")]
    Interrupted,
    /// It was typed in two ways.
    #[error("the two passphrases differ: nothing was made; try again")]
    Differ,
}

fn shown(from: Option<&str>) -> String {
    from.map(|from| format!(" ({from})")).unwrap_or_default()
}

/// What the passphrase is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose<'a> {
    /// Opening a wallet.
    Open,
    /// Making one at this path: typed twice.
    Make(&'a Path),
}

/// Gets the passphrase: from the file's first line, else from the environment variable's value, else by asking.
pub(crate) fn obtain(
    file: Option<&Path>,
    variable: Option<OsString>,
    purpose: Purpose<'_>,
) -> Result<SecretString, PassphraseError> {
    let (from, text) = match (file, variable) {
        (Some(path), _) => (Some(path.display().to_string()), first_line(path)?),
        (None, Some(value)) => {
            let from = VARIABLE.to_owned();
            let text = value.into_string().map_err(|_| PassphraseError::NotText { from: from.clone() })?;
            (Some(from), Zeroizing::new(text))
        }
        (None, None) => (None, ask(purpose)?),
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

fn ask(purpose: Purpose<'_>) -> Result<Zeroizing<String>, PassphraseError> {
    #[cfg(unix)]
    let _echo = crate::terminal_echo::EchoGuard::new().map_err(|_| PassphraseError::NoTerminal)?;
    let prompt = |text: &str| {
        rpassword::prompt_password(text).map(Zeroizing::new).map_err(|source| match source.kind() {
            io::ErrorKind::Interrupted => PassphraseError::Interrupted,
            _ => PassphraseError::Terminal { source },
        })
    };
    match purpose {
        Purpose::Open => prompt("Passphrase of the wallet: "),
        Purpose::Make(path) => {
            let first = prompt(&format!("Passphrase for the new wallet {}: ", path.display()))?;
            if first.is_empty() {
                return Err(PassphraseError::Empty { from: None });
            }
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
        let obtained = obtain(None, Some("of the environment".into()), Purpose::Make(&path)).unwrap();
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
        assert_eq!(empty.to_string(), "the passphrase is empty (FARTHING_PASSPHRASE)");
    }
}
