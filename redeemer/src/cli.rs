//! The command line of `farthing-redeemer`.

mod audit;
mod ensure;
mod ledger;
mod payouts;
mod receipts;
mod statements;

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::Context;
use clap::{Parser, Subcommand};
use farthing_service::environment::Environment;
use farthing_service::program::{EXIT_STATUS, RunError, print_lines};
use farthing_service::reload::{self, Configuration};
use farthing_service::telemetry;

use crate::admin::{self, Command};
use crate::config::Config;
use crate::service;
use crate::store_commands::{self, StoreAction};
use audit::Audit;
use ensure::Ensure;
use ledger::LedgerAction;
use payouts::PayoutsAction;
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
    /// Add and list those who redeem tokens, and their API keys.
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
    /// Check what publishers can prove.
    #[command(subcommand)]
    Receipts(ReceiptsAction),
}

#[derive(Debug, Subcommand)]
enum ConfigAction {
    /// Read and check the configuration file; the service need not run.
    Check,
}

#[derive(Debug, Subcommand)]
enum PublishersAction {
    /// Add a publisher and print its id and first API key, which is not shown again.
    Add {
        /// What you call it.
        name: String,
    },
    /// Add a publisher whose API key is in a file, unless it is there: a command for set-ups, which can be repeated.
    Ensure(Ensure),
    /// Print the publishers and the ids of their API keys, one JSON object a line.
    List,
    /// Give a publisher another API key, or take one away.
    #[command(subcommand)]
    Keys(KeysAction),
}

// The ids are read by hand: clap would repeat a wrong one, which may be an API key, on the terminal.
#[derive(Debug, Subcommand)]
enum KeysAction {
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
        Action::Audit(options) => return options.run(&config, environment, out),
        Action::Receipts(action) => return action.run(out),
        Action::Statements(action) => action.command()?,
        Action::Publishers(PublishersAction::Add { name }) => {
            Command::AddPublisher { name: name.parse().context("NAME")? }
        }
        Action::Publishers(PublishersAction::Ensure(options)) => {
            return options.run(&config, environment, out);
        }
        Action::Publishers(PublishersAction::List) => Command::ListPublishers,
        Action::Publishers(PublishersAction::Keys(KeysAction::Add { publisher_id })) => {
            Command::AddKey { publisher: publisher_id.parse().context("PUBLISHER_ID")? }
        }
        Action::Publishers(PublishersAction::Keys(KeysAction::Revoke { publisher_id, key_id })) => {
            let publisher = publisher_id.parse().context("PUBLISHER_ID")?;
            Command::RevokeKey { publisher, key: key_id.parse().context("KEY_ID")? }
        }
    };
    print_lines(admin::run(command, &config, environment)?, out)
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::{Duration, Instant};

    use serde_json::Value;

    use super::*;

    /// Does one command line on a configuration in `directory`; what it printed, or its line of error.
    fn command(directory: &Path, line: &[&str]) -> Result<String, String> {
        let file = directory.join("redeemer.toml");
        std::fs::write(&file, include_str!("../../configs/redeemer.toml")).unwrap();
        let config = file.to_str().unwrap();
        let args = [&["farthing-redeemer"], line, &["--config", config]].concat();
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let cli = Cli::try_parse_from(&args).map_err(|error| error.kind().to_string())?;
            let mut out = Vec::new();
            let config = Config::load(&cli.config).unwrap();
            match act(cli.action, config, &Environment::production(), &mut out) {
                Ok(()) => return Ok(String::from_utf8(out).unwrap()),
                // The writer of the command before, which was another process outside this test, may not have ended.
                Err(error) if error.to_string().contains("open in another") && Instant::now() < deadline => {
                    std::thread::yield_now();
                }
                Err(error) => return Err(format!("{error:#}")),
            }
        }
    }

    #[test]
    fn publishers_are_kept_between_commands() {
        let directory = tempfile::tempdir().unwrap();
        let run = |line: &[&str]| command(directory.path(), line);
        let json = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        let missing = run(&["publishers", "list"]).unwrap_err();
        assert!(missing.contains("run `farthing-redeemer store init`"), "{missing}");
        assert!(run(&["store", "init", "--trust-key", "all"]).unwrap().starts_with("made the store "));
        assert!(run(&["store", "init"]).unwrap_err().contains("redeemer.db exists"));

        let added = run(&["publishers", "add", "Daily"]).unwrap();
        assert_eq!(added.lines().count(), 1);
        let added = json(&added);
        let id = added["id"].as_str().unwrap();
        assert!(added["api_key"].as_str().unwrap().starts_with("fpk_"));
        assert!(run(&["publishers", "add", "Daily"]).unwrap_err().contains("called \"Daily\" already"));
        let second = json(&run(&["publishers", "keys", "add", id]).unwrap());
        let key_id = second["key_id"].as_str().unwrap();
        let revoked = run(&["publishers", "keys", "revoke", id, key_id]).unwrap();
        assert!(revoked.contains(key_id));

        let listed = json(&run(&["publishers", "list"]).unwrap());
        assert_eq!(listed["name"], "Daily");
        let keys: Vec<_> = listed["keys"].as_array().unwrap().iter().map(|key| &key["revoked"]).collect();
        assert_eq!(keys, [false, true]);
        assert_eq!(listed["keys"][1]["id"], key_id);

        let adjust = [
            "ledger",
            "adjust",
            id,
            "--day",
            "2020-01-31",
            "--denomination",
            "EUR-10000",
            "--tokens",
            "-5",
            "--reason",
            "counted twice",
        ];
        let entry = json(&run(&adjust).unwrap());
        let again = [&adjust[..], &["--id", entry["id"].as_str().unwrap()]].concat();
        assert_eq!(json(&run(&again).unwrap()), entry);
        let listed = run(&["ledger", "list", id]).unwrap();
        assert_eq!(listed.lines().count(), 2, "one entry and one balance: {listed}");
        let closed = json(&run(&["statements", "close", "--through", "2020-01-31"]).unwrap());
        assert_eq!(closed["statement"]["net_minor"], -5);
        assert_eq!(json(&run(&["statements", "list"]).unwrap()), closed);

        let dumped = run(&["store", "dump"]).unwrap();
        let secret = added["api_key"].as_str().unwrap();
        assert!(dumped.contains("Daily") && !dumped.contains(secret) && !dumped.contains(&secret[4..]));
    }

    #[test]
    fn a_wrong_id_is_named_and_not_repeated() {
        let directory = tempfile::tempdir().unwrap();
        let run = |line: &[&str]| command(directory.path(), line).unwrap_err();
        run(&["publishers", "list"]);
        let id = "AAAAAAAAAAAAAAAAAAAAAA";
        for (line, begins) in [
            (&["publishers", "keys", "add", "fpk_secret"][..], "PUBLISHER_ID: not a publisher's id"),
            (&["publishers", "keys", "revoke", id, "fpk_secret"], "KEY_ID: not an API key's id"),
            (&["publishers", "add", " x"], "NAME: a publisher's name has"),
            (&["ledger", "list", "fpk_secret"], "PUBLISHER_ID: not a publisher's id"),
            (&["statements", "close", "--through", "secret"], "--through: not a day"),
            (&["store", "init", "--trust-key", "x"], "--trust-key x: not base64url"),
        ] {
            let error = run(line);
            assert!(error.starts_with(begins) && !error.contains("secret"), "{error}");
        }
        assert!(run(&["store", "init", "--groups", "2"]).starts_with("--groups: the embedded store is one"));
        command(directory.path(), &["store", "init"]).unwrap();
        assert!(run(&["publishers", "keys", "add", id]).starts_with("there is no publisher AAAA"));
        // Of 64 ids one begins with a dash.
        let id = "-AAAAAAAAAAAAAAAAAAAAA";
        assert!(run(&["publishers", "keys", "add", id]).starts_with("there is no publisher -AAA"));
        assert!(run(&["ledger", "list", id]).starts_with("there is no publisher -AAA"));
        assert!(run(&["statements", "list", id]).starts_with("there is no publisher -AAA"));
        run(&["publishers", "keys"]);
    }
}
