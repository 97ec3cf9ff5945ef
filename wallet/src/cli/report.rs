use std::io::{self, Write};
use std::path::Path;

use serde_json::Value;
use zeroize::Zeroizing;

use super::failure::{Exit, Failure};
use super::hints::name_wallet;
use crate::secret_json::to_secret_json;

/// What a command has to say: the same in words and in JSON.
#[derive(Debug)]
pub(crate) struct Report {
    /// What went wrong beside it, which decides how the program ends.
    pub(crate) failure: Option<Failure>,
    /// Lines for people, or for the next program in a pipe.
    pub(crate) lines: Vec<Zeroizing<String>>,
    /// One JSON object.
    pub(crate) json: Value,
}

impl Report {
    pub(crate) const fn new(json: Value) -> Self {
        Self { failure: None, lines: Vec::new(), json }
    }

    pub(crate) fn line(&mut self, text: impl Into<String>) {
        self.lines.push(Zeroizing::new(text.into()));
    }

    /// Completes the commands in its lines by the wallet in use.
    pub(crate) fn name_wallet(&mut self, wallet: Option<&Path>) {
        // Lines without a command may be tokens and are not copied.
        for line in self.lines.iter_mut().filter(|line| line.contains('`')) {
            *line = Zeroizing::new(name_wallet(line, wallet));
        }
    }
}

/// Writes a report to standard output.
pub(crate) fn write_report(report: &Report, json: bool) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    let written = if json {
        let json = to_secret_json(&report.json).map_err(io::Error::from);
        json.and_then(|json| out.write_all(&json)).and_then(|()| out.write_all(b"\n"))
    } else {
        report.lines.iter().try_for_each(|line| writeln!(out, "{}", line.as_str()))
    };
    written.and_then(|()| out.flush()).map_err(|error| {
        Failure::new(Exit::Failed, format!("cannot write to standard output: {error}; what was done is done"))
    })
}

/// Writes a failure to standard error. If nobody listens there, the exit status must do.
pub(crate) fn write_failure(failure: &Failure, warnings: &[String], json: bool) {
    let mut err = io::stderr().lock();
    let _ = if json {
        writeln!(err, "{}", failure.to_json(warnings))
    } else {
        writeln!(err, "farthing: {}", failure.message)
    };
}

/// Says something by the way, on standard error. With --json it is left out: the report holds it too.
pub(crate) fn note(json: bool, text: &str) {
    if !json {
        let _ = writeln!(io::stderr().lock(), "{text}");
    }
}
