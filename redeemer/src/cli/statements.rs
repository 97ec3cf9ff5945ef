use anyhow::Context;
use clap::Subcommand;

use crate::admin::Command;

/// `farthing-redeemer statements`.
#[derive(Debug, Subcommand)]
pub(super) enum StatementsAction {
    /// Close every publisher's statement of what no earlier one has, and print those closed now, one JSON object a line.
    /// A closed statement never changes; closing again does nothing.
    Close {
        /// The last day (UTC) of the period; it must have ended. The last day of last month unless said otherwise.
        #[arg(long, value_name = "YYYY-MM-DD")]
        through: Option<String>,
        /// Close those again that a restored store lacks.
        #[arg(long)]
        after_restore: bool,
    },
    /// Print the statements, without their lines, one JSON object a line.
    List {
        /// Only this publisher's: its id, as `publishers list` prints it.
        #[arg(allow_hyphen_values = true)]
        publisher_id: Option<String>,
    },
}

impl StatementsAction {
    /// The command for the service.
    pub(super) fn command(self) -> anyhow::Result<Command> {
        Ok(match self {
            Self::Close { through, after_restore } => {
                let through = through.map(|day| day.parse()).transpose().context("--through")?;
                Command::CloseStatements { through, after_restore }
            }
            Self::List { publisher_id } => {
                let publisher = publisher_id.map(|id| id.parse()).transpose().context("PUBLISHER_ID")?;
                Command::ListStatements { publisher }
            }
        })
    }
}
