use std::process::ExitCode;

use serde_json::json;

use crate::driver::DriveError;
use crate::key_agreement::KeyDisagreement;
use crate::passphrase::PassphraseError;
use crate::payment::SelectionError;
use crate::service_answer::ServiceError;
use crate::signed_totals::TotalsError;
use crate::voucher_code::InvalidVoucherCode;
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
    /// Interrupted while the passphrase was asked for.
    Interrupted,
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
            Self::Interrupted => 130,
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
            Self::Interrupted => "interrupted",
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

    /// `{"error":{"kind","message","exit_status"}}`, and `warnings` if there are any.
    pub(crate) fn to_json(&self, warnings: &[String]) -> serde_json::Value {
        let mut value = json!({"error": {
            "kind": self.exit.kind(),
            "message": self.message,
            "exit_status": self.exit.code(),
        }});
        if !warnings.is_empty() {
            value["warnings"] = json!(warnings);
        }
        value
    }
}

impl From<ServiceError> for Failure {
    fn from(error: ServiceError) -> Self {
        let exit = if error.refusal().is_some() { Exit::Failed } else { Exit::Unfinished };
        let mut message = error.to_string();
        if error.is_no_such_path() {
            message.push_str(". Are the URLs of issuer and redeemer (--issuer, --redeemer) swapped?");
        }
        Self::new(exit, message)
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
            | WalletFileError::NoDirectory { .. }
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
        let exit = match error {
            PassphraseError::Interrupted => Exit::Interrupted,
            PassphraseError::File { .. }
            | PassphraseError::NotText { .. }
            | PassphraseError::Empty { .. }
            | PassphraseError::NoTerminal
            | PassphraseError::Terminal { .. }
            | PassphraseError::Differ => Exit::Failed,
        };
        Self::new(exit, error.to_string())
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

impl From<InvalidVoucherCode> for Failure {
    fn from(error: InvalidVoucherCode) -> Self {
        Self::new(Exit::Usage, format!("{error}. Nothing was done"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http_message::{Service, TransportFailure};

    #[test]
    fn a_missing_path_asks_whether_the_urls_are_swapped_and_a_missing_service_does_not() {
        let call = "GET https://issuer.example/v1/packs";
        let kind = farthing_api::ProblemKind::NotFound;
        let refused = ServiceError::Refused { call: call.into(), kind, detail: String::new() };
        let foreign = ServiceError::Foreign { call: call.into(), status: 404, reason: "html".into() };
        for error in [refused, foreign] {
            let message = Failure::from(error).message;
            assert!(message.ends_with("(--issuer, --redeemer) swapped?"), "{message}");
        }
        let away = ServiceError::unreachable(Service::Issuer, call, &TransportFailure("gone".into()));
        let failure = Failure::from(away);
        assert_eq!(failure.message, "cannot reach the issuer at https://issuer.example: gone");
        assert_eq!(failure.exit, Exit::Unfinished);
    }

    #[test]
    fn warnings_are_part_of_the_json_of_a_failure() {
        let failure = Failure::new(Exit::Failed, "no");
        assert_eq!(failure.to_json(&["w".to_owned()])["warnings"], json!(["w"]));
        assert!(failure.to_json(&[]).get("warnings").is_none());
    }
}
