//! The command line of backups, the same in both services.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{ArgGroup, Args};

use super::{BackupFile, Findings};
use crate::birth::{Birth, ServiceKind};
use crate::gap::Closing;

/// `store backup`.
#[derive(Debug, Args)]
pub struct BackupArgs {
    /// The file to make; where the service runs, it makes it.
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
    /// Encrypt to this age recipient, age1...
    #[arg(long, value_name = "RECIPIENT")]
    pub recipient: Option<String>,
}

impl BackupArgs {
    /// The file to make, whatever directory the service runs in.
    ///
    /// # Errors
    /// The current directory is not known.
    pub fn output(&self) -> anyhow::Result<PathBuf> {
        std::path::absolute(&self.output).context("--output")
    }
}

/// `store restore`.
#[derive(Debug, Args)]
pub struct RestoreArgs {
    /// The backup.
    #[arg(long, value_name = "FILE")]
    input: PathBuf,
    /// Decrypt with this age identity file.
    #[arg(long, value_name = "FILE")]
    identity: Option<PathBuf>,
}

impl RestoreArgs {
    /// The backup, read once from beginning to end.
    ///
    /// # Errors
    /// It is no whole backup of the service.
    pub fn open(&self, service: ServiceKind) -> anyhow::Result<BackupFile> {
        Ok(BackupFile::open(&self.input, self.identity.as_deref(), service)?)
    }
}

/// `store close-gap`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("closing").required(true).args(["replayed", "keys_revoked", "accept_loss"]))]
pub struct CloseGapArgs {
    /// Nothing was lost: no service and no command changed the store since the backup, or all that was done was done again.
    #[arg(long)]
    replayed: bool,
    /// Every key of which tokens could be used since the backup is revoked; this is checked.
    #[arg(long)]
    keys_revoked: bool,
    /// What is lost is lost. The store remembers it for ever.
    #[arg(long)]
    accept_loss: bool,
}

impl CloseGapArgs {
    /// How.
    pub const fn closing(&self) -> Closing {
        match (self.replayed, self.keys_revoked) {
            (true, _) => Closing::Replayed,
            (false, true) => Closing::KeysRevoked,
            (false, false) => Closing::AcceptLoss,
        }
    }
}

/// What a backup that was made is told by.
pub fn backed_up(records: u64, output: &Path) -> String {
    format!("wrote {records} records to {}", output.display())
}

/// What a restore is told by: what was done, and what is to be done before the service starts.
pub fn restored(records: u64, birth: &Birth, store: &str) -> [String; 2] {
    let next = birth.check_gap(store).err().map_or_else(String::new, |open| open.to_string());
    [format!("restored {records} records into {store}"), next]
}

/// The end of a check: nothing is printed of a store in order but that, and findings end the program with status 1.
///
/// # Errors
/// There are findings.
pub fn checked(findings: usize) -> anyhow::Result<&'static str> {
    if findings == 0 {
        return Ok("everything adds up");
    }
    anyhow::bail!("{findings} findings: read \"Checking a store\" in docs/operating.md")
}

/// Findings as a command answers them.
pub fn listed(findings: Findings) -> serde_json::Value {
    findings.into_iter().collect()
}
