//! The program `farthing`: commands over the library.

mod arguments;
mod audit;
mod balance;
mod buy;
mod export;
mod failure;
mod get;
mod hints;
mod history;
mod packs;
mod payment_view;
mod purchase_view;
mod report;
mod session;
mod settle;
mod visit_driver;
mod void_warning;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

use arguments::{Arguments, Command, Tokens};
use failure::{Exit, Failure};
use hints::name_wallet;
use report::{Report, write_failure, write_report};
use session::Session;

use crate::environment::Environment;

/// Runs the program with its arguments, the first of which is its own name, and says how it ended.
///
/// Answers go to standard output, everything else to standard error. The exit statuses are in `--help`.
pub fn run(arguments: impl Iterator<Item = OsString>, environment: Environment) -> ExitCode {
    let arguments: Vec<OsString> = arguments.collect();
    let wants_json = arguments.iter().any(|argument| argument == "--json");
    let parsed = match Arguments::try_parse_from(arguments) {
        Ok(parsed) => parsed,
        Err(error) => return answer_usage(&error, wants_json),
    };
    let json = parsed.global.json;
    let session = Session::new(parsed.global, environment);
    match dispatch(&session, &parsed.command).and_then(|report| finish(report, &session)) {
        Ok(()) => Exit::Done.into(),
        Err(mut failure) => {
            failure.message = name_wallet(&failure.message, session.global.wallet.as_deref());
            write_failure(&failure, &session.warnings(), json);
            failure.exit.into()
        }
    }
}

fn dispatch(session: &Session, command: &Command) -> Result<Report, Failure> {
    match command {
        Command::Buy(options) => buy::buy(session, options),
        Command::Resume(options) => buy::resume(session, options),
        Command::Get(options) => get::get(session, options),
        Command::Balance => balance::balance(session),
        Command::History => history::history(session),
        Command::Packs(options) => packs::packs(session, options),
        Command::Tokens(Tokens::Export(options)) => export::export(session, options),
        Command::Audit(options) => audit::audit(session, options),
    }
}

fn finish(mut report: Report, session: &Session) -> Result<(), Failure> {
    let warnings = session.warnings();
    if !warnings.is_empty() {
        report.json["warnings"] = warnings.into();
    }
    report.name_wallet(session.global.wallet.as_deref());
    write_report(&report, session.global.json)?;
    report.failure.map_or(Ok(()), Err)
}

/// Help and version are answers; everything else is wrong usage.
fn answer_usage(error: &clap::Error, json: bool) -> ExitCode {
    let is_answer = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    if json && !is_answer {
        write_failure(
            &Failure::new(Exit::Usage, error.to_string().trim_end().trim_start_matches("error: ")),
            &[],
            true,
        );
        return Exit::Usage.into();
    }
    // If nobody reads what clap prints, the exit status must do.
    let _ = error.print();
    if is_answer { Exit::Done.into() } else { Exit::Usage.into() }
}
