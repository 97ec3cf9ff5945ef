use std::io::Write;

use anyhow::{Context, ensure};
use clap::Subcommand;
use farthing_service::admin_socket::AdminError;
use farthing_service::environment::Environment;
use farthing_service::program::print_lines;

use super::ensure::Ensure;
use crate::admin::{self, Command};
use crate::config::Config;
use crate::publishers::{NewPayoutReference, PublisherId};

// The ids are read by hand: clap would repeat a wrong one, which may be an API key, on the terminal.
/// `farthing-redeemer publishers`.
#[derive(Debug, Subcommand)]
pub(super) enum PublishersAction {
    /// Add a publisher and print its id and first API key, which is not shown again.
    Add {
        /// What you call it.
        name: String,
        /// Where it is paid, such as an IBAN: 1 to 200 characters.
        #[arg(long, value_name = "TEXT")]
        payout_reference: Option<String>,
    },
    /// Add a publisher whose API key is in a file, unless it is there: a command for set-ups, which can be repeated.
    Ensure(Ensure),
    /// Print the publishers and the ids of their API keys, one JSON object a line.
    List,
    /// Say anew what a publisher is called or where it is paid, and print it.
    #[command(group = clap::ArgGroup::new("changed").required(true).multiple(true))]
    Describe {
        /// The publisher's id, as `publishers list` prints it.
        #[arg(allow_hyphen_values = true)]
        publisher_id: String,
        /// What you call it from now on.
        #[arg(long, group = "changed")]
        name: Option<String>,
        /// Where it is paid from now on.
        #[arg(long, value_name = "TEXT", group = "changed", conflicts_with = "no_payout_reference")]
        payout_reference: Option<String>,
        /// Forget where it is paid.
        #[arg(long, group = "changed")]
        no_payout_reference: bool,
    },
    /// Forget for ever who a publisher is, where it is to be paid, and its API keys. What it was credited and paid, and where
    /// each payout went, stays under its id, as bookkeeping law wants it; if your books need the name too, take `export
    /// payouts` and `export statements` first.
    Erase {
        /// The publisher's id, as `publishers list` prints it.
        #[arg(allow_hyphen_values = true)]
        publisher_id: String,
        /// The same id again, since there is no way back.
        #[arg(long, value_name = "PUBLISHER_ID", allow_hyphen_values = true)]
        confirm: String,
        /// What became of what was owed: paid or forfeited. Without it, a publisher with whom anything is open stays.
        #[arg(long, value_name = "HOW")]
        owed: Option<String>,
    },
    /// Give a publisher another API key, or take one away.
    #[command(subcommand)]
    Keys(KeysAction),
}

#[derive(Debug, Subcommand)]
pub(super) enum KeysAction {
    /// Give a publisher one more API key and print it; it is not shown again.
    Add {
        /// The publisher's id, as `publishers list` prints it.
        #[arg(allow_hyphen_values = true)]
        publisher_id: String,
    },
    /// Take an API key out of force, for ever.
    Revoke {
        /// The publisher's id, as `publishers list` prints it.
        #[arg(allow_hyphen_values = true)]
        publisher_id: String,
        /// The key's id, as `publishers list` prints it.
        #[arg(allow_hyphen_values = true)]
        key_id: String,
    },
}

impl PublishersAction {
    /// Does it.
    pub(super) fn run(
        self,
        config: &Config,
        environment: &Environment,
        out: &mut impl Write,
    ) -> anyhow::Result<()> {
        let command = match self {
            Self::Add { name, payout_reference } => {
                let payout_reference = payout_reference.map(|text| text.parse()).transpose();
                Command::AddPublisher {
                    name: name.parse().context("NAME")?,
                    payout_reference: payout_reference.context("--payout-reference")?,
                }
            }
            Self::Ensure(options) => return options.run(config, environment, out),
            Self::List => Command::ListPublishers,
            Self::Describe { publisher_id, name, payout_reference, no_payout_reference } => {
                let set = payout_reference.map(|text| text.parse().map(NewPayoutReference::Set)).transpose();
                let remove = no_payout_reference.then_some(NewPayoutReference::Remove);
                Command::DescribePublisher {
                    publisher: publisher_id.parse().context("PUBLISHER_ID")?,
                    name: name.map(|name| name.parse()).transpose().context("--name")?,
                    payout_reference: set.context("--payout-reference")?.or(remove),
                }
            }
            Self::Erase { publisher_id, confirm, owed } => {
                let publisher: PublisherId = publisher_id.parse().context("PUBLISHER_ID")?;
                ensure!(
                    confirm.parse() == Ok(publisher),
                    "--confirm: not the same id again; nothing was erased"
                );
                let owed = owed.map(|how| how.parse()).transpose().context("--owed")?;
                Command::ErasePublisher { publisher, owed }
            }
            Self::Keys(KeysAction::Add { publisher_id }) => {
                Command::AddKey { publisher: publisher_id.parse().context("PUBLISHER_ID")? }
            }
            Self::Keys(KeysAction::Revoke { publisher_id, key_id }) => {
                let publisher = publisher_id.parse().context("PUBLISHER_ID")?;
                Command::RevokeKey { publisher, key: key_id.parse().context("KEY_ID")? }
            }
        };
        let makes_key = matches!(command, Command::AddKey { .. });
        let answer =
            admin::run(command, config, environment).map_err(|error| match error.downcast_ref() {
                Some(AdminError::Call { .. }) if makes_key => {
                    error.context(admin::key_nobody_was_shown(None))
                }
                _ => error,
            })?;
        print_lines(answer, out)
    }
}
