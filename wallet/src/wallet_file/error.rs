use std::io;
use std::path::PathBuf;

/// Why a wallet file was not opened or saved. Nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum WalletFileError {
    /// There is no file.
    #[error("there is no wallet at {}; the first `farthing buy` makes one", .path.display())]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// It would be in a directory that does not exist.
    #[error("there is no directory {} for the wallet; make it, or give another file with --wallet", .directory.display())]
    NoDirectory {
        /// The directory.
        directory: PathBuf,
    },
    /// Another process has it.
    #[error("another farthing is using the wallet {}; wait until it has finished and try again", .path.display())]
    Locked {
        /// The wallet.
        path: PathBuf,
    },
    /// Not a file of ours.
    #[error("{} is not a farthing wallet: {reason}; give the right file with --wallet", .path.display())]
    NotAWallet {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Written by a later program.
    #[error(
        "the wallet {} has version {found} and this farthing knows versions up to {known}: use a newer farthing",
        .path.display()
    )]
    NewerVersion {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u64,
        /// The newest version that is known here.
        known: u64,
    },
    /// The first line cannot be decrypted.
    #[error("the passphrase is wrong for the wallet {} (or the wallet file's first line was changed)", .path.display())]
    WrongPassphrase {
        /// The file.
        path: PathBuf,
    },
    /// The rest cannot be decrypted or read.
    #[error("the wallet {} is damaged: {reason}; restore it from a backup", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A new wallet needs a passphrase.
    #[error("the passphrase is empty: choose one, because it protects tokens that are money")]
    EmptyPassphrase,
    /// A file operation failed.
    #[error("cannot {doing} {}: {source}", .path.display())]
    Io {
        /// What was being done.
        doing: &'static str,
        /// To which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Encryption failed; it never does with one recipient.
    #[error("cannot encrypt the wallet {}: {reason}", .path.display())]
    Encryption {
        /// The file.
        path: PathBuf,
        /// What the cipher said.
        reason: String,
    },
}
