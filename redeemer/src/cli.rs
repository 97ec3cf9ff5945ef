//! The command line of `farthing-redeemer`.

mod audit;
mod ensure;
mod export;
mod ledger;
mod payouts;
mod publishers;
mod receipts;
mod statements;

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;

use clap::{Parser, Subcommand};
use farthing_service::admin_socket::AdminError;
use farthing_service::environment::Environment;
use farthing_service::program::{EXIT_STATUS, RunError, print_lines};
use farthing_service::reload::{self, Configuration};
use farthing_service::telemetry;
use serde_json::Value;

use crate::admin::{self, Command};
use crate::config::Config;
use crate::ledger::EntryId;
use crate::service;
use crate::store_commands::{self, StoreAction};
use audit::Audit;
use export::ExportTable;
use ledger::LedgerAction;
use payouts::PayoutsAction;
use publishers::PublishersAction;
use receipts::ReceiptsAction;
use statements::StatementsAction;

/// Takes tokens from publishers, refuses double spends, credits what was taken.
#[derive(Debug, Parser)]
#[command(name = "farthing-redeemer", version, max_term_width = 110, after_help = EXIT_STATUS)]
struct Cli {
    /// The configuration file.
    #[arg(long, global = true, default_value = "redeemer.toml", value_name = "FILE")]
    config: PathBuf,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Run the service until it is told to stop.
    Serve,
    /// Make the running service read its configuration again, and print the keys that changed.
    Reload,
    /// Look at the configuration.
    #[command(subcommand)]
    Config(ConfigAction),
    /// Ask the running service whether it could do its work now, as its /readyz has it.
    Ready,
    /// Make, print, back up, restore and check the store.
    #[command(subcommand)]
    Store(StoreAction),
    /// Add, list, describe and erase those who redeem tokens, and their API keys.
    #[command(subcommand)]
    Publishers(PublishersAction),
    /// Look at what a publisher was credited, and enter what must be set right.
    #[command(subcommand)]
    Ledger(LedgerAction),
    /// Compare what was redeemed with what the issuer says it issued, in finished days, one JSON object a key.
    Audit(Audit),
    /// Close publishers' statements, and list them.
    #[command(subcommand)]
    Statements(StatementsAction),
    /// Record what was paid of statements, and list what is due.
    #[command(subcommand)]
    Payouts(PayoutsAction),
    /// Print a table for your own books.
    Export(ExportTable),
    /// Check what publishers can prove.
    #[command(subcommand)]
    Receipts(ReceiptsAction),
}

#[derive(Debug, Subcommand)]
enum ConfigAction {
    /// Read and check the configuration file; the service need not run.
    Check,
}

/// Parses the command line and does what it says.
///
/// # Errors
/// What went wrong, in one line. Mistakes in the command line itself are clap's.
pub fn run(args: impl Iterator<Item = OsString>, environment: &Environment) -> Result<(), RunError> {
    let cli = Cli::try_parse_from(args)?;
    let mut out = io::stdout().lock();
    if matches!(cli.action, Action::Reload) {
        // Before the file is read here: the service is to say, and to log, what is wrong with it.
        print_lines(reload::ask(&cli.config, &Command::Reload)?, &mut out)?;
        return Ok(());
    }
    if let Action::Receipts(action) = cli.action {
        // Whoever checks receipts may not be the operator, and has no configuration.
        return Ok(action.run(&mut out)?);
    }
    let config = Config::load(&cli.config).map_err(anyhow::Error::new)?;
    telemetry::init(config.log_format, config.log_level).map_err(anyhow::Error::new)?;
    act(cli.action, config, environment, &mut out)?;
    Ok(())
}

fn act(
    action: Action,
    config: Config,
    environment: &Environment,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let command = match action {
        Action::Serve => {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
            return runtime.block_on(service::serve(config, environment.clone()));
        }
        Action::Ready => {
            admin::ready(&config)?;
            return Ok(writeln!(out, "ready")?);
        }
        Action::Store(action) => return store_commands::act(action, &config, environment, out),
        Action::Reload => return print_lines(reload::ask(config.file(), &Command::Reload)?, out),
        Action::Config(ConfigAction::Check) => {
            return Ok(writeln!(out, "{} is in order", config.file().display())?);
        }
        Action::Ledger(action) => return action.run(&config, environment, out),
        Action::Payouts(action) => return action.run(&config, environment, out),
        Action::Export(table) => return table.run(&config, environment, out),
        Action::Audit(options) => return options.run(&config, environment, out),
        Action::Receipts(action) => return action.run(out),
        Action::Statements(action) => action.command()?,
        Action::Publishers(action) => return action.run(&config, environment, out),
    };
    print_lines(admin::run(command, &config, environment)?, out)
}

/// Does a command that makes an entry under this id. A refusal says all there is; where the service gave no answer, it is
/// said how to ask again.
fn run_repeatable(
    command: Command,
    id: EntryId,
    config: &Config,
    environment: &Environment,
) -> anyhow::Result<Value> {
    admin::run(command, config, environment).map_err(|error| match error.downcast_ref() {
        Some(AdminError::Call { .. }) => error.context(admin::how_to_repeat(id)),
        _ => error,
    })
}

#[cfg(test)]
mod tests;
