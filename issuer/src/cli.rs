//! The command line of `farthing-issuer`.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use age::secrecy::SecretString;
use anyhow::{Context, bail};
use clap::{ArgGroup, Args, Parser, Subcommand};
use farthing_service::birth::ServiceKind;
use farthing_service::environment::Environment;
use farthing_service::keyring::{self, KeyringEntry};
use farthing_service::program::{EXIT_STATUS, RunError, print_lines};
use farthing_service::reload::{self, Configuration};
use farthing_service::{admin_socket, telemetry};
use serde_json::{Value, json};

use crate::admin::{self, Command};
use crate::config::Config;
use crate::keys::{self, Lock, Unlock};
use crate::service;
use crate::store_commands::{self, StoreAction};

/// Sells packs of unlinkable tokens: takes payment, signs blindly.
#[derive(Debug, Parser)]
#[command(name = "farthing-issuer", version, max_term_width = 110, after_help = EXIT_STATUS)]
struct Cli {
    /// The configuration file.
    #[arg(long, global = true, default_value = "issuer.toml", value_name = "FILE")]
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
    /// Make, list, rotate, revoke, back up and restore token keys.
    #[command(subcommand)]
    Keys(KeysAction),
    /// Make prepaid codes.
    #[command(subcommand)]
    Vouchers(VouchersAction),
    /// Find the orders that need the operator.
    #[command(subcommand)]
    Orders(OrdersAction),
}

#[derive(Debug, Subcommand)]
enum ConfigAction {
    /// Read and check the configuration file; the service need not run.
    Check,
}

#[derive(Debug, Subcommand)]
enum KeysAction {
    /// Make the keyring and the first key of every denomination.
    Init,
    /// Print the keys, one JSON object a line.
    List,
    /// Make the successors of the keys that issue now, before they are due.
    Rotate,
    /// Revoke a key for ever and install a successor valid from today. Read docs/operating.md first.
    Revoke {
        /// The key's name or token key id, as `keys list` prints them.
        #[arg(allow_hyphen_values = true)]
        key: String,
    },
    /// Write every key into a new file, encrypted with age.
    Backup(BackupArgs),
    /// Put back what the keyring lacks of a backup; nothing is overwritten.
    Restore(RestoreArgs),
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("lock").required(true).args(["recipient", "passphrase_file"]))]
struct BackupArgs {
    /// The file to make.
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
    /// Encrypt to this age recipient, age1...
    #[arg(long, value_name = "RECIPIENT")]
    recipient: Option<String>,
    /// Encrypt with the passphrase in the first line of this file.
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("unlock").required(true).args(["identity", "passphrase_file"]))]
struct RestoreArgs {
    /// The backup.
    #[arg(long, value_name = "FILE")]
    input: PathBuf,
    /// Decrypt with this age identity file.
    #[arg(long, value_name = "FILE")]
    identity: Option<PathBuf>,
    /// Decrypt with the passphrase in the first line of this file.
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum VouchersAction {
    /// Make prepaid codes and print them, one a line. They are money and are not shown again.
    Mint {
        /// The pack that each code pays for.
        #[arg(long)]
        pack: String,
        /// How many.
        #[arg(long, default_value_t = 1)]
        count: u32,
    },
}

#[derive(Debug, Subcommand)]
enum OrdersAction {
    /// Print the orders whose tokens a revocation made worthless, one JSON object a line.
    Attention,
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
    let now = environment.now();
    match action {
        Action::Serve => {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
            runtime.block_on(service::serve(config, environment.clone()))
        }
        Action::Reload => print_lines(reload::ask(config.file(), &Command::Reload)?, out),
        Action::Config(ConfigAction::Check) => Ok(writeln!(out, "{} is in order", config.file().display())?),
        Action::Ready => {
            admin::ready(&config)?;
            Ok(writeln!(out, "ready")?)
        }
        Action::Store(action) => store_commands::act(action, &config, environment, out),
        Action::Keys(action) => act_on_keys(action, &config, now, out),
        Action::Vouchers(VouchersAction::Mint { pack, count }) => {
            print_lines(admin::run(Command::MintVouchers { pack, count }, &config, environment)?, out)
        }
        Action::Orders(OrdersAction::Attention) => {
            print_lines(admin::run(Command::OrdersAttention, &config, environment)?, out)
        }
    }
}

fn act_on_keys(action: KeysAction, config: &Config, now: u64, out: &mut impl Write) -> anyhow::Result<()> {
    match action {
        KeysAction::Init => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let made = runtime.block_on(config.store.check_made(ServiceKind::Issuer));
            made.context("the store comes first, because it refuses keys older than itself")?;
            for name in keys::init(config, now)? {
                writeln!(out, "made the token key {name}")?;
            }
            writeln!(
                out,
                "the redeemer's store must be older than these keys: `farthing-redeemer store init` comes first"
            )?;
        }
        KeysAction::List => {
            for entry in keyring::read(&config.keyring, now)?.entries() {
                writeln!(out, "{}", listed(entry, now))?;
            }
        }
        KeysAction::Rotate => {
            let added = keys::rotate(config, true, now)?;
            if added.is_empty() {
                writeln!(out, "every key has its successor; nothing was made")?;
            }
            for name in added {
                writeln!(out, "made the token key {name}")?;
            }
            reload_keyring(config)?;
        }
        KeysAction::Revoke { key } => {
            let (revoked, added) = keys::revoke(config, &key, now)?;
            writeln!(
                out,
                "revoked the token key {revoked}: each service refuses its tokens from its next look at the keyring on"
            )?;
            for name in added {
                writeln!(out, "made the token key {name}")?;
            }
            reload_keyring(config)?;
        }
        KeysAction::Backup(args) => {
            let lock = match (args.recipient, args.passphrase_file) {
                (Some(recipient), _) => Lock::Recipient(recipient),
                (None, Some(file)) => Lock::Passphrase(passphrase(&file)?),
                (None, None) => bail!("name a --recipient or a --passphrase-file"),
            };
            let files = keys::backup(&config.keyring, &args.output, lock)?;
            writeln!(out, "wrote {files} files of the keyring to {}", args.output.display())?;
        }
        KeysAction::Restore(args) => {
            let unlock = match (args.identity, args.passphrase_file) {
                (Some(file), _) => Unlock::Identity(read_secret(&file)?),
                (None, Some(file)) => Unlock::Passphrase(passphrase(&file)?),
                (None, None) => bail!("name an --identity or a --passphrase-file"),
            };
            let restored = keys::restore(&config.keyring, &args.input, unlock)?;
            if restored.is_empty() {
                writeln!(out, "the keyring has everything that is in the backup")?;
            }
            for name in restored {
                writeln!(out, "restored {name}")?;
            }
            reload_keyring(config)?;
        }
    }
    Ok(())
}

fn listed(entry: &KeyringEntry, now: u64) -> Value {
    let facts = entry.facts();
    let epoch = facts.epoch();
    json!({
        "name": entry.name(),
        "token_key_id": facts.token_key_id().to_string(),
        "denomination": facts.denomination().to_string(),
        "not_before": epoch.not_before().to_string(),
        "issue_until": epoch.issue_until().to_string(),
        "redeem_until": epoch.redeem_until().to_string(),
        "status": entry.status(now).name(),
    })
}

/// Tells the running service, if there is one, that the keyring changed; without one, nobody needs to know.
fn reload_keyring(config: &Config) -> anyhow::Result<()> {
    admin_socket::call(&config.admin_socket, &Command::ReloadKeyring)?;
    Ok(())
}

fn passphrase(file: &Path) -> anyhow::Result<SecretString> {
    use age::secrecy::ExposeSecret;
    let text = read_secret(file)?;
    let line = text.expose_secret().lines().next().unwrap_or_default();
    if line.is_empty() {
        bail!("{}: the first line is empty; write the passphrase there", file.display());
    }
    Ok(SecretString::from(line.to_owned()))
}

fn read_secret(file: &Path) -> anyhow::Result<SecretString> {
    Ok(SecretString::from(std::fs::read_to_string(file).with_context(|| file.display().to_string())?))
}
