//! The command line of `farthing-gate`.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::{Parser, Subcommand};
use farthing_service::admin_socket;
use farthing_service::environment::Environment;
use farthing_service::program::{EXIT_STATUS, RunError, print_lines};
use farthing_service::reload::{self, Configuration};
use farthing_service::telemetry;

use crate::admin::Command;
use crate::config::Config;
use crate::service;

/// Stands before a publisher's site: asks readers for tokens, has them redeemed, lets in who has paid.
#[derive(Debug, Parser)]
#[command(name = "farthing-gate", version, max_term_width = 110, after_help = EXIT_STATUS)]
struct Cli {
    /// The configuration file.
    #[arg(long, global = true, default_value = "gate.toml", value_name = "FILE")]
    config: PathBuf,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make the secrets that the configuration names and that are not there yet.
    Init,
    /// Run the gate until it is told to stop.
    Serve,
    /// Make the running gate read its configuration again, and print the keys that changed.
    Reload,
    /// Look at the configuration.
    #[command(subcommand)]
    Config(ConfigAction),
    /// Ask the running gate whether it could do its work now.
    Ready,
}

#[derive(Debug, Subcommand)]
enum ConfigAction {
    /// Read and check the configuration file; the gate need not run.
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
        // Before the file is read here: the gate is to say, and to log, what is wrong with it.
        print_lines(reload::ask(&cli.config, &Command::Reload)?, &mut out)?;
        return Ok(());
    }
    let config = Config::load(&cli.config).map_err(anyhow::Error::new)?;
    telemetry::init(config.log_format, config.log_level).map_err(anyhow::Error::new)?;
    act(&cli.action, config, environment, &mut out)?;
    Ok(())
}

fn act(
    action: &Action,
    config: Config,
    environment: &Environment,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    match action {
        Action::Init => init(&config, out),
        Action::Serve => {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
            runtime.block_on(service::serve(config, environment.clone()))
        }
        Action::Reload => print_lines(reload::ask(config.file(), &Command::Reload)?, out),
        Action::Config(ConfigAction::Check) => Ok(writeln!(out, "{} is in order", config.file().display())?),
        Action::Ready => match admin_socket::call(&config.admin_socket, &Command::Ready)? {
            Some(_) => Ok(writeln!(out, "ready")?),
            None => bail!("{}: no gate listens here; start it with `serve`", config.admin_socket.display()),
        },
    }
}

/// Makes what is not there, and leaves alone what is: a new key ends every pass that readers have.
fn init(config: &Config, out: &mut impl Write) -> anyhow::Result<()> {
    let mut secrets = vec![("secret", &config.secret)];
    secrets.extend(config.forward_auth.as_ref().map(|asked| ("forward_auth.secret", &asked.secret)));
    for (key, secret) in secrets {
        let made = secret.create_if_missing(&config.base).context(key)?;
        writeln!(out, "{key}: {} {secret}", if made { "made" } else { "left as it is:" })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn command(directory: &Path, line: &[&str]) -> Result<String, String> {
        let file = directory.join("gate.toml");
        let sample = include_str!("../../configs/gate.toml");
        let text = ["[forward_auth]", "secret", "uri_header", "host_header"]
            .iter()
            .fold(sample.to_owned(), |text, key| text.replacen(&format!("# {key}"), key, 1));
        std::fs::write(&file, text).unwrap();
        let args = [&["farthing-gate"], line, &["--config", file.to_str().unwrap()]].concat();
        let cli = Cli::try_parse_from(args).map_err(|error| error.kind().to_string())?;
        let mut out = Vec::new();
        act(&cli.action, Config::load(&cli.config).unwrap(), &Environment::production(), &mut out)
            .map_err(|error| format!("{error:#}"))?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn secrets_are_made_once() {
        let directory = tempfile::tempdir().unwrap();
        let made = command(directory.path(), &["init"]).unwrap();
        assert_eq!(
            made,
            "secret: made file:data/gate.secret\nforward_auth.secret: made file:data/gate.proxy-secret\n"
        );
        let secret = || std::fs::read(directory.path().join("data/gate.secret")).unwrap();
        let first = secret();
        assert_eq!(command(directory.path(), &["init"]).unwrap().matches("left as it is").count(), 2);
        assert_eq!(secret(), first);
        assert!(
            command(directory.path(), &["config", "check"]).unwrap().ends_with("gate.toml is in order\n")
        );
        assert!(command(directory.path(), &["ready"]).unwrap_err().contains("no gate listens here"));
    }
}
