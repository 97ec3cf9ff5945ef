use std::process::ExitCode;

use serde_json::json;

use crate::driver::DriveError;
use crate::key_agreement::KeyDisagreement;
use crate::passphrase::PassphraseError;
use crate::payment::SelectionError;
use crate::service_answer::ServiceError;
use crate::signed_totals::TotalsError;
use crate::voucher_code::EmptyVoucherCode;
use crate::wallet_file::WalletFileError;

/// How the program ends. The numbers are documented in `--help` and never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done.
    Done,
    /// Refused or failed.
    Failed,
    /// Wrong usage.
    Usage,
    /// Could not be finished now.
    Unfinished,
    /// More was redeemed than issued.
    Excess,
    /// The wallet could not be opened.
    Wallet,
}

impl Exit {
    /// The exit status.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Unfinished => 3,
            Self::Excess => 4,
            Self::Wallet => 5,
        }
    }

    /// Its name in JSON.
    const fn kind(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Usage => "usage",
            Self::Unfinished => "unfinished",
            Self::Excess => "excess",
            Self::Wallet => "wallet",
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}

/// Why a command ended without its answer.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    pub(crate) message: String,
}

impl Failure {
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into() }
    }

    /// `{"error":{"kind","message","exit_status"}}`.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        json!({"error": {
            "kind": self.exit.kind(),
            "message": self.message,
            "exit_status": self.exit.code(),
        }})
    }
}

impl From<ServiceError> for Failure {
    fn from(error: ServiceError) -> Self {
        let exit = if error.refusal().is_some() { Exit::Failed } else { Exit::Unfinished };
        Self::new(exit, error.to_string())
    }
}

impl From<TotalsError> for Failure {
    fn from(error: TotalsError) -> Self {
        match error {
            TotalsError::Service(error) => error.into(),
            other => Self::new(Exit::Failed, other.to_string()),
        }
    }
}

impl From<WalletFileError> for Failure {
    fn from(error: WalletFileError) -> Self {
        let exit = match error {
            WalletFileError::Missing { .. }
            | WalletFileError::Io { .. }
            | WalletFileError::Encryption { .. }
            | WalletFileError::EmptyPassphrase => Exit::Failed,
            WalletFileError::Locked { .. }
            | WalletFileError::NotAWallet { .. }
            | WalletFileError::NewerVersion { .. }
            | WalletFileError::WrongPassphrase { .. }
            | WalletFileError::Damaged { .. } => Exit::Wallet,
        };
        Self::new(exit, error.to_string())
    }
}

impl From<DriveError<WalletFileError>> for Failure {
    fn from(error: DriveError<WalletFileError>) -> Self {
        match error {
            DriveError::Save(error) => error.into(),
            DriveError::Run(error) => Self::new(Exit::Failed, error.to_string()),
        }
    }
}

impl From<PassphraseError> for Failure {
    fn from(error: PassphraseError) -> Self {
        Self::new(Exit::Failed, error.to_string())
    }
}

impl From<KeyDisagreement> for Failure {
    fn from(error: KeyDisagreement) -> Self {
        Self::new(Exit::Failed, format!("{error}. Nothing was ordered or paid"))
    }
}

impl From<SelectionError> for Failure {
    fn from(error: SelectionError) -> Self {
        let exit = match error {
            SelectionError::None | SelectionError::WhichValue { .. } => Exit::Usage,
            SelectionError::Empty | SelectionError::TooFew { .. } | SelectionError::SeveralKeys { .. } => {
                Exit::Failed
            }
        };
        Self::new(exit, error.to_string())
    }
}

impl From<EmptyVoucherCode> for Failure {
    fn from(error: EmptyVoucherCode) -> Self {
        Self::new(Exit::Usage, error.to_string())
    }
}
