//! The command line of moves, the same in both services.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use serde::{Deserialize, Serialize};

/// `store migrate`.
#[derive(Debug, Args)]
pub struct MigrateArgs {
    /// The configuration that the service will have; its table `store` names the new place.
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
    /// Stop a move, or take back one that did not end: the store is used where it was, and what was copied is removed.
    #[arg(long)]
    give_up: bool,
    /// With --give-up: nobody will ever use the new place, which does not answer. You answer for that.
    #[arg(long, requires = "give_up")]
    new_store_lost: bool,
}

/// A move that is asked for.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Migration {
    /// The configuration that names the new place, as an absolute path.
    pub to: PathBuf,
    /// Into how many groups of keys the new store is divided.
    pub groups: u8,
    /// Whether it is to be taken back instead, and then whether the new place is lost.
    pub give_up: Option<bool>,
}

impl MigrateArgs {
    /// What is asked for, whatever directory it is done in.
    ///
    /// # Errors
    /// The current directory is not known.
    pub fn asked(&self, groups: u8) -> anyhow::Result<Migration> {
        let to = std::path::absolute(&self.to).context("--to")?;
        Ok(Migration { to, groups, give_up: self.give_up.then_some(self.new_store_lost) })
    }
}
