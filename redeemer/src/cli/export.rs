use std::io::Write;

use anyhow::{Context, bail};
use clap::Args;
use farthing_protocol::Day;
use farthing_service::admin_socket::AdminError;
use farthing_service::environment::Environment;
use farthing_service::program::print_lines;
use serde_json::Value;

use crate::admin::{self, Command};
use crate::config::Config;
use crate::exports::{Days, Form};

// Everything is read by hand, as of the other commands.
/// `farthing-redeemer export`.
#[derive(Debug, Args)]
pub(super) struct ExportTable {
    /// redemptions (a row a day and value of a token), statements or payouts.
    table: String,
    /// Only this publisher's: its id, as `publishers list` prints it.
    #[arg(allow_hyphen_values = true)]
    publisher_id: Option<String>,
    /// The first day (UTC): of redemptions, of which statements have their last one, or on which payouts were recorded.
    #[arg(long, value_name = "YYYY-MM-DD")]
    from: Option<String>,
    /// The last day.
    #[arg(long, value_name = "YYYY-MM-DD")]
    through: Option<String>,
    /// csv, or json for one object a line.
    #[arg(long, default_value = "csv")]
    format: String,
}

impl ExportTable {
    /// Does it.
    pub(super) fn run(
        self,
        config: &Config,
        environment: &Environment,
        out: &mut impl Write,
    ) -> anyhow::Result<()> {
        let day = |name: &'static str, text: Option<String>| -> anyhow::Result<Option<Day>> {
            text.map(|day| day.parse()).transpose().context(name)
        };
        let form: Form = self.format.parse().context("--format")?;
        let command = Command::Export {
            export: self.table.parse().context("TABLE")?,
            publisher: self.publisher_id.map(|id| id.parse()).transpose().context("PUBLISHER_ID")?,
            days: Days::new(day("--from", self.from)?, day("--through", self.through)?)?,
            form,
        };
        let answer = admin::run(command, config, environment).map_err(|error| {
            if matches!(error.downcast_ref(), Some(AdminError::TooLong(_))) {
                return error.context("take fewer days (--from, --through), or one publisher (PUBLISHER_ID)");
            }
            error
        })?;
        match (form, answer) {
            (Form::Json, rows) => print_lines(rows, out),
            // All of the file, the ends of its lines too.
            (Form::Csv, Value::String(csv)) => {
                Ok(out.write_all(csv.as_bytes()).and_then(|()| out.flush())?)
            }
            (Form::Csv, _) => bail!("the service answered something else than CSV"),
        }
    }
}
