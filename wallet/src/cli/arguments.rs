use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::page_url::PageUrl;
use crate::service_url::ServiceUrl;

const AFTER_HELP: &str = "\
Passphrase: --passphrase-file, else the environment variable FARTHING_PASSPHRASE, else you are asked.
Proxy: ALL_PROXY, HTTPS_PROXY or HTTP_PROXY (for Tor: ALL_PROXY=socks5h://127.0.0.1:9050).

Exit status:
  0  done
  1  refused or failed; the message says what to do
  2  wrong usage
  3  not finished: a service or site could not be reached or could not answer. Nothing is lost; purchases and payments
     go on with `farthing resume`, anything else by repeating it
  4  the audit found more tokens redeemed than issued
  5  the wallet could not be opened: wrong passphrase, not a wallet, damaged, or in use
  130  interrupted when the passphrase was asked for";

/// Buys packs of unlinkable tokens and keeps them in one encrypted file.
#[derive(Debug, Parser)]
#[command(name = "farthing", version, after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Debug, Args)]
pub(crate) struct Global {
    /// The wallet's file [default: $XDG_DATA_HOME/farthing/wallet or ~/.local/share/farthing/wallet]
    #[arg(long, global = true, help_heading = "Options of every command", value_name = "FILE")]
    pub(crate) wallet: Option<PathBuf>,
    /// Read the passphrase from the first line of FILE
    #[arg(long, global = true, help_heading = "Options of every command", value_name = "FILE")]
    pub(crate) passphrase_file: Option<PathBuf>,
    /// Print one JSON object, errors as one JSON object on standard error
    #[arg(long, global = true, help_heading = "Options of every command")]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Buy a pack with a voucher; makes the wallet if there is none
    Buy(Buy),
    /// Fetch a page, and pay for it with tokens if it asks for some
    #[command(
        long_about = "Fetch a page, and pay for it with tokens if it asks for some. Without --max or --yes nothing is \
        paid, and the price is told. Tokens are of one key, make up the price exactly, and are shown to the page's own \
        site alone. What was paid for stays open as long as the site says: getting it again costs nothing."
    )]
    Get(Get),
    /// Go on with purchases and payments that are not finished, oldest first
    Resume(Resume),
    /// Show what the tokens in the wallet are worth and until when
    Balance,
    /// Show purchases, payments and exports
    History,
    /// Show what an issuer sells (needs no wallet)
    Packs(Packs),
    /// Hand tokens on
    #[command(subcommand)]
    Tokens(Tokens),
    /// Compare what was issued with what was redeemed
    #[command(
        long_about = "Compare what was issued with what was redeemed, from the signed totals that both \
        services publish. Without URLs it audits every issuer that the wallet knows, and warns when a service has \
        changed the key that it signs with or takes no tokens any more of a key that the wallet holds; with both \
        URLs no wallet is opened."
    )]
    Audit(Audit),
}

#[derive(Debug, Args)]
pub(crate) struct Buy {
    /// Where the issuer is: https, or http on this machine and for .onion
    #[arg(long, value_name = "URL")]
    pub(crate) issuer: ServiceUrl,
    /// Where the redeemer is whose keys must be the issuer's
    #[arg(long, value_name = "URL")]
    pub(crate) redeemer: ServiceUrl,
    /// Id of the pack, as `farthing packs` shows it
    #[arg(long, value_name = "ID")]
    pub(crate) pack: String,
    /// The prepaid code of 26 letters and digits; case, spaces and dashes do not matter
    #[arg(long, value_name = "CODE")]
    pub(crate) voucher: String,
}

#[derive(Debug, Args)]
pub(crate) struct Get {
    /// The page: https, or http on this machine and for .onion
    pub(crate) url: PageUrl,
    /// Pay at most so much, like `--max 0.05 EUR`
    #[arg(long, num_args = 2, value_names = ["AMOUNT", "CURRENCY"])]
    pub(crate) max: Option<Vec<String>>,
    /// Pay whatever it costs, up to --max if that is given
    #[arg(long)]
    pub(crate) yes: bool,
    /// Write the page to FILE; required with --json [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Resume {
    /// Take the tokens of a payment back without knowing whether they are spent, as when its site is gone
    #[arg(long, value_name = "PAYMENT")]
    pub(crate) release: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct Packs {
    /// Where the issuer is
    #[arg(long, value_name = "URL")]
    pub(crate) issuer: ServiceUrl,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Tokens {
    /// Print tokens, one base64url text a line; they are then no longer the wallet's to spend
    #[command(
        long_about = "Print tokens, one base64url text a line. Before the first is printed the wallet's file \
        says that they were exported: they are then no longer the wallet's to spend. If the output was lost, \
        `farthing history` shows the export's number and --again prints it once more.",
        override_usage = "farthing tokens export --count <N> [OPTIONS]\n       farthing tokens export --again <EXPORT>"
    )]
    Export(Export),
}

#[derive(Debug, Args)]
pub(crate) struct Export {
    /// How many tokens; required unless --again is given
    #[arg(long, value_name = "N", required_unless_present = "again")]
    pub(crate) count: Option<usize>,
    /// Value of one token in millionths of the currency's unit; needed if the wallet has several
    #[arg(long, value_name = "V", requires = "currency")]
    pub(crate) value_micros: Option<u64>,
    /// ISO 4217 code that goes with --value-micros
    #[arg(long, value_name = "C", requires = "value_micros")]
    pub(crate) currency: Option<String>,
    /// Allow tokens of several keys, which tells whoever gets them more about you
    #[arg(long)]
    pub(crate) mixed: bool,
    /// Print the tokens of an earlier export again
    #[arg(long, value_name = "EXPORT", conflicts_with_all = ["count", "value_micros", "currency", "mixed"])]
    pub(crate) again: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct Audit {
    /// Where the issuer is
    #[arg(long, value_name = "URL", requires = "redeemer")]
    pub(crate) issuer: Option<ServiceUrl>,
    /// Where its redeemer is
    #[arg(long, value_name = "URL", requires = "issuer")]
    pub(crate) redeemer: Option<ServiceUrl>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn the_help_of_an_export_says_what_it_needs() {
        let mut command = Arguments::command();
        let tokens = command.find_subcommand_mut("tokens").unwrap();
        let help = tokens.find_subcommand_mut("export").unwrap().render_long_help().to_string();
        for wanted in
            ["tokens export --count <N>", "tokens export --again <EXPORT>", "required unless --again"]
        {
            assert!(help.contains(wanted), "{help}");
        }
    }

    #[test]
    fn an_export_needs_a_count_or_an_earlier_export_and_a_value_its_currency() {
        let parse = |line: &str| Arguments::try_parse_from(line.split(' '));
        assert!(parse("farthing tokens export --count 3 --json").is_ok());
        assert!(parse("farthing tokens export --again 1").is_ok());
        assert!(parse("farthing get https://news.example/a --max 0.05 EUR --output page").is_ok());
        assert!(parse("farthing get --yes --max 0.05 EUR https://news.example/a").is_ok());
        for line in [
            "farthing tokens export",
            "farthing tokens export --count 3 --again 1",
            "farthing tokens export --count 3 --currency EUR",
            "farthing get http://news.example/a",
            "farthing get https://news.example/a --max 0.05",
            "farthing get",
            "farthing audit --issuer https://issuer.example",
            "farthing buy --issuer http://issuer.example --redeemer https://r.example --pack p --voucher v",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
