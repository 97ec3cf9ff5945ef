//! Every program of the project in one: which one runs is the first argument.

use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::Arc;

use crate::{CrashPoint, FileClock};

/// log2 of the scrypt work of wallets under test: a real one takes a second for each file that is made.
const WORK_FACTOR: u8 = 4;

/// The programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// `farthing-issuer`.
    Issuer,
    /// `farthing-redeemer`.
    Redeemer,
    /// `farthing-gate`.
    Gate,
    /// `farthing`.
    Wallet,
}

impl Program {
    /// The argument that chooses it.
    pub const fn argument(self) -> &'static str {
        match self {
            Self::Issuer => "issuer",
            Self::Redeemer => "redeemer",
            Self::Gate => "gate",
            Self::Wallet => "wallet",
        }
    }

    /// The program that an argument chooses.
    pub fn chosen_by(argument: &str) -> Option<Self> {
        [Self::Issuer, Self::Redeemer, Self::Gate, Self::Wallet]
            .into_iter()
            .find(|program| program.argument() == argument)
    }

    /// Runs it with the arguments that follow, under the clock and the crash point of this process's environment.
    pub fn run(self, arguments: impl Iterator<Item = OsString>) -> ExitCode {
        let args = std::iter::once(OsString::from(self.argument())).chain(arguments);
        let crash = CrashPoint::from_environment();
        let steps = Arc::new(move |step: &str| crash.reached(step));
        let clock = Arc::new(FileClock::from_environment());
        let service =
            || farthing_service::environment::Environment { clock: clock.clone(), steps: steps.clone() };
        match self {
            Self::Issuer => farthing_issuer::run(args, &service()),
            Self::Redeemer => farthing_redeemer::run(args, &service()),
            Self::Gate => farthing_gate::run(args, &service()),
            Self::Wallet => {
                let work_factor = Some(WORK_FACTOR);
                farthing_wallet::run(args, farthing_wallet::Environment { clock, steps, work_factor })
            }
        }
    }
}
