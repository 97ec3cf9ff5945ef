//! What the programs' command lines have in common: how they end, and how they print lists.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::{Context, bail};
use serde_json::Value;

/// What the services' help says about how they end.
pub const EXIT_STATUS: &str = "Exit status: 0 done, 1 refused or failed (one line says why), 2 wrong usage.";

/// Why a program ends with another status than 0.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The command line is not one of ours, or asks for help.
    #[error(transparent)]
    Usage(#[from] clap::Error),
    /// The command failed.
    #[error(transparent)]
    Failed(#[from] anyhow::Error),
}

/// A failure that ends the program with a status of its own; anywhere in an error's chain.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct EndsWith {
    /// The status.
    pub status: u8,
    /// The one line.
    pub message: String,
}

/// Ends the program `name`: 0 when all went well, 1 (or the status of [`EndsWith`]) when it failed, with one line on
/// standard error, 2 when the command line is no good.
pub fn end(name: &str, result: Result<(), RunError>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(RunError::Usage(error)) => {
            // Help and version are asked for, and go to standard output; where that is closed nobody reads it.
            let _ = error.print();
            if error.use_stderr() { ExitCode::from(2) } else { ExitCode::SUCCESS }
        }
        Err(RunError::Failed(error)) => {
            let _ = writeln!(io::stderr(), "{name}: {}", one_line(&error));
            error.downcast_ref::<EndsWith>().map_or(ExitCode::FAILURE, |ends| ExitCode::from(ends.status))
        }
    }
}

/// An error with its causes, each said once: many errors of ours have their cause's words in their own.
pub fn one_line(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).fold(String::new(), |said, cause| match said {
        said if said.is_empty() => cause,
        said if said.contains(&cause) => said,
        said => format!("{said}: {cause}"),
    })
}

/// Prints a list, one entry a line: texts as they are, everything else as JSON.
///
/// # Errors
/// It is no list, or cannot be written.
pub fn print_lines(answer: Value, out: &mut impl Write) -> anyhow::Result<()> {
    let Value::Array(entries) = answer else { bail!("the service answered something else than a list") };
    let written = entries.into_iter().try_for_each(|entry| match entry {
        Value::String(text) => writeln!(out, "{text}"),
        other => writeln!(out, "{other}"),
    });
    // Codes and API keys are shown once: whoever did not see them must know that they exist.
    written.and_then(|()| out.flush()).context(
        "the command was done, but not all that it shows could be written, and codes and API keys are not shown again",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_said_once() {
        let inner = || anyhow::anyhow!("it is full");
        assert_eq!(one_line(&inner()), "it is full");
        assert_eq!(one_line(&inner().context("cannot write")), "cannot write: it is full");
        assert_eq!(one_line(&inner().context("cannot write: it is full")), "cannot write: it is full");
    }
}
