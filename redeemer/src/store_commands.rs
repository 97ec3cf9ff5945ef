//! `store ...` of the command line.

use std::io::Write;

use clap::Subcommand;
use clap::builder::RangedI64ValueParser;
use farthing_service::backup::arguments::{self, BackupArgs, CloseGapArgs, RestoreArgs};
use farthing_service::birth::{Birth, MOST_GROUPS, ServiceKind, TrustedKeys};
use farthing_service::environment::Environment;
use farthing_service::migration::arguments::MigrateArgs;
use farthing_service::program::print_lines;

use crate::admin::{self, Command};
use crate::config::Config;
use crate::store;

/// What can be done with the store.
#[derive(Debug, Subcommand)]
pub enum StoreAction {
    /// Make the store and the service's secrets. Done once, before the issuer's `keys init`.
    Init {
        /// Accept a token key that is older than the store, by its id; or `all`.
        #[arg(long, value_name = "ID|all", allow_hyphen_values = true)]
        trust_key: Vec<String>,
        /// Divide a store on Redis into so many groups of keys, for the shards of a cluster. It cannot be changed later.
        #[arg(long, value_name = "N", default_value_t = 1, value_parser = number_of_groups())]
        groups: u8,
    },
    /// Print every record of the store, one JSON object a line: all that this service knows.
    Dump,
    /// Write everything that is in the store into a new file, while the service runs or not.
    Backup(BackupArgs),
    /// Make the store from a backup where there is none. It is served once its gap is closed.
    Restore {
        /// What is restored.
        #[command(flatten)]
        backup: RestoreArgs,
        /// Divide a store on Redis into so many groups of keys; as the one that was backed up if left out.
        #[arg(long, value_name = "N", value_parser = number_of_groups())]
        groups: Option<u8>,
    },
    /// Say how the gap of a restored store is closed: what happened since the backup is not in it.
    CloseGap(CloseGapArgs),
    /// Move the store to the place that another configuration names, while the service works: to Redis, from the embedded store
    /// or from other servers. The service is then started with that configuration.
    Migrate {
        #[command(flatten)]
        args: MigrateArgs,
        /// Divide the new store into so many groups of keys, for the shards of a cluster.
        #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=i64::from(MOST_GROUPS)))]
        groups: u8,
    },
    /// Recount the store, while the service runs or not: a line for each thing that does not add up.
    Check,
}

fn number_of_groups() -> RangedI64ValueParser<u8> {
    clap::value_parser!(u8).range(1..=i64::from(MOST_GROUPS))
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
        StoreAction::Init { trust_key, groups } => {
            let birth =
                Birth::new(ServiceKind::Redeemer, environment.now(), TrustedKeys::named(&trust_key)?)?;
            init(config, &birth.with_groups(groups), out)
        }
        StoreAction::Dump => print_lines(admin::run(Command::DumpStore, config, environment)?, out),
        StoreAction::Backup(args) => {
            let command = Command::BackUpStore { output: args.output()?, recipient: args.recipient.clone() };
            print_lines(admin::run(command, config, environment)?, out)
        }
        StoreAction::Restore { backup, groups } => restore(&backup, groups, config, environment, out),
        StoreAction::CloseGap(args) => {
            print_lines(admin::run(Command::CloseGap { by: args.closing() }, config, environment)?, out)
        }
        StoreAction::Migrate { args, groups } => {
            let command = Command::MigrateStore(args.asked(groups)?);
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

fn init(config: &Config, birth: &Birth, out: &mut impl Write) -> anyhow::Result<()> {
    // The secrets first, so that one that was lost is made anew even where there is a store already.
    config.signing_key.create_if_missing(&config.base)?;
    config.idempotency_secret.create_if_missing(&config.base)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(config.store.create(birth))?;
    writeln!(out, "made the store {}", config.store.describe())?;
    Ok(())
}

fn restore(
    args: &RestoreArgs,
    groups: Option<u8>,
    config: &Config,
    environment: &Environment,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let backup = args.open(ServiceKind::Redeemer)?;
    let records = backup.entries();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let birth = runtime.block_on(store::restore(&config.store, backup, groups, environment))?;
    for line in arguments::restored(records, &birth, &config.store.describe()) {
        writeln!(out, "{line}")?;
    }
    Ok(())
}
