//! `store ...` of the command line.

use std::io::Write;

use clap::Subcommand;
use farthing_service::backup::arguments::{self, BackupArgs, CloseGapArgs, RestoreArgs};
use farthing_service::birth::{Birth, ServiceKind, TrustedKeys};
use farthing_service::environment::Environment;
use farthing_service::migration::arguments::MigrateArgs;
use farthing_service::program::print_lines;

use crate::admin::{self, Command};
use crate::config::Config;
use crate::store;

/// What can be done with the store.
#[derive(Debug, Subcommand)]
pub enum StoreAction {
    /// Make the store and the key that signs totals. Done once, before `keys init`.
    Init {
        /// Accept a token key that is older than the store, by its id; or `all`.
        #[arg(long, value_name = "ID|all", allow_hyphen_values = true)]
        trust_key: Vec<String>,
    },
    /// Print every record of the store, one JSON object a line: all that this service knows.
    Dump,
    /// Write everything that is in the store into a new file, while the service runs or not.
    Backup(BackupArgs),
    /// Make the store from a backup where there is none. It is served once its gap is closed.
    Restore(RestoreArgs),
    /// Say how the gap of a restored store is closed: what happened since the backup is not in it.
    CloseGap(CloseGapArgs),
    /// Move the store to the place that another configuration names, while the service works: to Redis, from the embedded store
    /// or from other servers. The service is then started with that configuration.
    Migrate(MigrateArgs),
    /// Recount the store, while the service runs or not: a line for each thing that does not add up.
    Check,
}

/// Does it.
///
/// # Errors
/// It could not be done, or a check found something.
pub fn act(
    action: StoreAction,
    config: &Config,
    environment: &Environment,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    match action {
        StoreAction::Init { trust_key } => init(config, &trust_key, environment.now(), out),
        StoreAction::Dump => print_lines(admin::run(Command::DumpStore, config, environment)?, out),
        StoreAction::Backup(args) => {
            let command = Command::BackUpStore { output: args.output()?, recipient: args.recipient.clone() };
            print_lines(admin::run(command, config, environment)?, out)
        }
        StoreAction::Restore(args) => restore(&args, config, environment, out),
        StoreAction::CloseGap(args) => {
            print_lines(admin::run(Command::CloseGap { by: args.closing() }, config, environment)?, out)
        }
        StoreAction::Migrate(args) => {
            let command = Command::MigrateStore(args.asked(1)?);
            print_lines(admin::run(command, config, environment)?, out)
        }
        StoreAction::Check => {
            let findings = admin::run(Command::CheckStore, config, environment)?;
            let count = findings.as_array().map_or(0, Vec::len);
            print_lines(findings, out)?;
            Ok(writeln!(out, "{}", arguments::checked(count)?)?)
        }
    }
}

fn init(config: &Config, trust_key: &[String], now: u64, out: &mut impl Write) -> anyhow::Result<()> {
    let trusted = TrustedKeys::named(trust_key)?;
    // The key first: where one is lost beside a store that exists, this still makes a new one.
    config.signing_key.create_if_missing(&config.base)?;
    let birth = Birth::new(ServiceKind::Issuer, now, trusted)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(config.store.create(&birth))?;
    writeln!(out, "made the store {}", config.store.describe())?;
    Ok(())
}

fn restore(
    args: &RestoreArgs,
    config: &Config,
    environment: &Environment,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let backup = args.open(ServiceKind::Issuer)?;
    let records = backup.entries();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let birth = runtime.block_on(store::restore(&config.store, backup, environment))?;
    for line in arguments::restored(records, &birth, &config.store.describe()) {
        writeln!(out, "{line}")?;
    }
    Ok(())
}
