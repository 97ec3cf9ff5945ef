use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Output};

use anyhow::{Context, bail};
use serde_json::Value;

use crate::programs::Program;
use crate::{CRASH_VARIABLE, PACK, ServiceProcess, World};

/// A person with a wallet, who types commands.
#[derive(Debug)]
pub struct Reader<'a> {
    world: &'a World,
    wallet: PathBuf,
}

/// How a command of the wallet ended.
#[derive(Debug)]
pub struct Finished {
    /// Its status: 0 done, 3 to be resumed, and so on as `farthing --help` says.
    pub status: ExitStatus,
    /// What it printed, as JSON.
    pub printed: Value,
    /// What it wrote on standard error.
    pub error: String,
}

impl Finished {
    fn of(output: &Output) -> Self {
        Self {
            status: output.status,
            printed: serde_json::from_slice(&output.stdout).unwrap_or(Value::Null),
            error: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Whether the wallet killed itself at its crash point.
    pub fn crashed(&self) -> bool {
        self.status.signal() == Some(9)
    }

    /// What it printed.
    ///
    /// # Errors
    /// It did not end with status 0.
    pub fn done(self) -> anyhow::Result<Value> {
        if self.status.success() { Ok(self.printed) } else { bail!("{}: {}", self.status, self.error.trim()) }
    }
}

impl<'a> Reader<'a> {
    pub(crate) fn new(world: &'a World, name: &str) -> Self {
        Self { world, wallet: world.path(format!("{name}.wallet")) }
    }

    /// The wallet's file.
    pub fn wallet(&self) -> &std::path::Path {
        &self.wallet
    }

    /// A command of the wallet, with its passphrase, ready to run.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.world.command(Program::Wallet);
        command.arg("--wallet").arg(&self.wallet).args(arguments).env("FARTHING_PASSPHRASE", "correct horse");
        command
    }

    /// Runs a command with `--json` to its end.
    ///
    /// # Errors
    /// It could not be run.
    pub fn run(&self, arguments: &[&str]) -> anyhow::Result<Finished> {
        Ok(Finished::of(&self.command(arguments).arg("--json").output()?))
    }

    /// Runs a command that will kill itself at a durable step.
    ///
    /// # Errors
    /// It could not be run.
    pub fn run_until(&self, arguments: &[&str], step: &str) -> anyhow::Result<Finished> {
        Ok(Finished::of(&self.command(arguments).arg("--json").env(CRASH_VARIABLE, step).output()?))
    }

    /// The arguments of buying the pack that every world sells.
    pub fn buying<'b>(issuer: &'b str, redeemer: &'b str, voucher: &'b str) -> [&'b str; 9] {
        ["buy", "--issuer", issuer, "--redeemer", redeemer, "--pack", PACK, "--voucher", voucher]
    }

    /// Buys that pack.
    ///
    /// # Errors
    /// The purchase is not done.
    pub fn buy(
        &self,
        issuer: &ServiceProcess,
        redeemer: &ServiceProcess,
        voucher: &str,
    ) -> anyhow::Result<Value> {
        self.run(&Self::buying(&issuer.url(), &redeemer.url(), voucher))?.done()
    }

    /// Tokens in the wallet that can be spent, of every value.
    ///
    /// # Errors
    /// The wallet failed.
    pub fn tokens(&self) -> anyhow::Result<u64> {
        let printed = self.run(&["balance"])?.done()?;
        let keys = printed["keys"].as_array().context("balance has no keys")?;
        Ok(keys.iter().filter_map(|key| key["available"].as_u64()).sum())
    }

    /// Hands on tokens: one base64url text each.
    ///
    /// # Errors
    /// The wallet failed.
    pub fn export(&self, count: u32) -> anyhow::Result<Vec<String>> {
        let printed = self.run(&["tokens", "export", "--count", &count.to_string()])?.done()?;
        let tokens = printed["tokens"].as_array().context("an export has no tokens")?;
        Ok(tokens.iter().filter_map(|token| token.as_str().map(str::to_owned)).collect())
    }
}
