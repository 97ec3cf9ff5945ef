use std::io::Write;

use anyhow::{Context, bail};
use clap::Subcommand;
use farthing_service::environment::Environment;
use farthing_service::program::print_lines;

use super::run_repeatable;
use crate::admin::{self, Command, RecordPayout};
use crate::config::Config;
use crate::ledger::EntryId;

// The ids are read by hand: clap would repeat a wrong one, which may be an API key, on the terminal.
/// `farthing-redeemer payouts`.
#[derive(Debug, Subcommand)]
pub(super) enum PayoutsAction {
    /// Print what is not paid of every statement, from when it may be, and how much today, one JSON object a line.
    Due {
        /// Do so though payouts made before the store was restored may be missing.
        #[arg(long)]
        after_restore: bool,
    },
    /// Record that a statement was paid, and print the record. The publisher sees it; it never changes and stays for ever: a
    /// wrong one is reversed.
    Record {
        /// The publisher's id, as `publishers list` prints it.
        #[arg(allow_hyphen_values = true)]
        publisher_id: String,
        /// The statement's id, as EUR.2026-11-30.
        statement_id: String,
        /// What the publisher finds it by on its account, 1 to 200 characters.
        #[arg(long, value_name = "TEXT")]
        reference: String,
        /// How much, in the currency's minor unit; all that is due if left out.
        #[arg(long, value_name = "N")]
        amount_minor: Option<u64>,
        /// Where it was paid, such as an IBAN; what `publishers list` shows if left out.
        #[arg(long, value_name = "TEXT")]
        payout_reference: Option<String>,
        /// The payout's id, to repeat a command that failed: with the same id it is recorded once.
        #[arg(long, allow_hyphen_values = true)]
        id: Option<String>,
        /// Enter a payout again that was made before the store was restored; needs --amount-minor and --id.
        #[arg(long)]
        after_restore: bool,
    },
    /// Record that a payout came back, or was never made: an entry below zero, and print it. What was paid is due again. The
    /// publisher sees it; it never changes and stays for ever. A payout is reversed once, however often this is repeated.
    Reverse {
        /// The publisher's id, as `publishers list` prints it.
        #[arg(allow_hyphen_values = true)]
        publisher_id: String,
        /// The payout's id, as `payouts list` prints it.
        #[arg(allow_hyphen_values = true)]
        payout_id: String,
        /// Why, for the publisher to read: 1 to 200 characters.
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Say that every payout made before the store was restored is in it again; the service is stopped meanwhile.
    Confirm,
    /// Print the payouts, one JSON object a line.
    List {
        /// Only this publisher's: its id, as `publishers list` prints it.
        #[arg(allow_hyphen_values = true)]
        publisher_id: Option<String>,
    },
}

impl PayoutsAction {
    /// Does it.
    pub(super) fn run(
        self,
        config: &Config,
        environment: &Environment,
        out: &mut impl Write,
    ) -> anyhow::Result<()> {
        let answer = match self {
            Self::Due { after_restore } => {
                admin::run(Command::DuePayouts { after_restore }, config, environment)?
            }
            Self::Confirm => admin::run(Command::ConfirmPayouts, config, environment)?,
            Self::Record {
                publisher_id,
                statement_id,
                reference,
                amount_minor,
                payout_reference,
                id,
                after_restore,
            } => {
                let id: EntryId = match id {
                    Some(id) => id.parse().context("--id")?,
                    // Nothing bounds what was paid then, so whoever runs the line twice would enter it twice.
                    None if after_restore => bail!(
                        "--after-restore: name the payout with --id, so that it is entered once: as it was called before, or if \
                         nobody knows that, --id {}",
                        EntryId::random()?
                    ),
                    None => EntryId::random()?,
                };
                let payout_reference = payout_reference.map(|text| text.parse()).transpose();
                let command = Command::RecordPayout(RecordPayout {
                    publisher: publisher_id.parse().context("PUBLISHER_ID")?,
                    id,
                    statement: statement_id.parse().context("STATEMENT_ID")?,
                    amount_minor,
                    reference: reference.parse().context("--reference")?,
                    payout_reference: payout_reference.context("--payout-reference")?,
                    after_restore,
                });
                run_repeatable(command, id, config, environment)?
            }
            Self::Reverse { publisher_id, payout_id, reason } => {
                let command = Command::ReversePayout {
                    publisher: publisher_id.parse().context("PUBLISHER_ID")?,
                    payout: payout_id.parse().context("PAYOUT_ID")?,
                    reason: reason.parse().context("--reason")?,
                };
                admin::run(command, config, environment)?
            }
            Self::List { publisher_id } => {
                let publisher = publisher_id.map(|id| id.parse()).transpose().context("PUBLISHER_ID")?;
                admin::run(Command::ListPayouts { publisher }, config, environment)?
            }
        };
        print_lines(answer, out)
    }
}
