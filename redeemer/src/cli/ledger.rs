use std::io::Write;

use anyhow::Context;
use clap::Subcommand;
use farthing_service::environment::Environment;
use farthing_service::program::print_lines;

use super::run_repeatable;
use crate::admin::{self, Command};
use crate::config::Config;
use crate::ledger::EntryId;

// The ids are read by hand: clap would repeat a wrong one, which may be an API key, on the terminal.
/// `farthing-redeemer ledger`.
#[derive(Debug, Subcommand)]
pub(super) enum LedgerAction {
    /// Enter tokens beside a publisher's credit, or take some out, and print the entry. Credits and entries never change
    /// and stay for ever: a wrong one gets an opposite one.
    Adjust {
        /// The publisher's id, as `publishers list` prints it.
        #[arg(allow_hyphen_values = true)]
        publisher_id: String,
        /// The day (UTC) that it is about, today or earlier. One that is in a closed statement gets into the next.
        #[arg(long, value_name = "YYYY-MM-DD")]
        day: String,
        /// What each token is worth, as EUR-10000.
        #[arg(long)]
        denomination: String,
        /// How many tokens; less than none takes them out.
        #[arg(long, allow_hyphen_values = true)]
        tokens: String,
        /// Why, for the publisher to read: 1 to 200 characters.
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// The entry's id, to repeat a command that failed: with the same id it is entered once.
        #[arg(long, allow_hyphen_values = true)]
        id: Option<String>,
    },
    /// Print a publisher's credits by day, the entries beside them and what they come to, one JSON object a line.
    List {
        /// The publisher's id, as `publishers list` prints it.
        #[arg(allow_hyphen_values = true)]
        publisher_id: String,
    },
}

impl LedgerAction {
    /// Does it.
    pub(super) fn run(
        self,
        config: &Config,
        environment: &Environment,
        out: &mut impl Write,
    ) -> anyhow::Result<()> {
        let answer = match self {
            Self::Adjust { publisher_id, day, denomination, tokens, reason, id } => {
                let id: EntryId = match id {
                    Some(id) => id.parse().context("--id")?,
                    None => EntryId::random()?,
                };
                let command = Command::Adjust {
                    publisher: publisher_id.parse().context("PUBLISHER_ID")?,
                    id,
                    day: day.parse().context("--day")?,
                    denomination: denomination.parse().context("--denomination")?,
                    tokens: tokens.parse().context("--tokens")?,
                    reason: reason.parse().context("--reason")?,
                };
                run_repeatable(command, id, config, environment)?
            }
            Self::List { publisher_id } => {
                let publisher = publisher_id.parse().context("PUBLISHER_ID")?;
                admin::run(Command::ListLedger { publisher }, config, environment)?
            }
        };
        print_lines(answer, out)
    }
}
