use std::collections::BTreeSet;
use std::io::{Read, Write, stdin};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use farthing_api::{Envelope, STATEMENT_PAYLOAD_TYPE, Statement};
use farthing_service::program::{EndsWith, one_line};
use farthing_service::verification_key::{VerificationKey, open_by_any};
use serde_json::json;

use crate::receipts::{Claims, Documents, Stated, read_receipts};

/// Status of a program that found a statement to credit too little.
const SHORT: u8 = 4;

/// `farthing-redeemer receipts`.
#[derive(Debug, Subcommand)]
pub(super) enum ReceiptsAction {
    /// Check receipts, add them up, and compare them with statements. Needs neither the service nor its configuration.
    Verify(Verify),
}

/// `farthing-redeemer receipts verify`.
///
/// Prints a JSON object for each publisher, day and currency. Status 4 when a statement credits less than the receipts of
/// one of its days, or else 1 when a document does not count; it is told which, and the others are added up all the same.
/// Where statements were given, days that are in the period of none are told, and change no status.
#[derive(Debug, Args)]
pub(super) struct Verify {
    /// The redeemer's signing key, the member `x` of its /.well-known/jwks.json; may be repeated, where it was replaced.
    #[arg(long, value_name = "KEY", required = true, allow_hyphen_values = true)]
    key: Vec<String>,
    /// A statement as `GET /v1/statements/ID` gives it, to compare with; may be repeated.
    #[arg(long, value_name = "FILE")]
    statement: Vec<PathBuf>,
    /// Files with receipts, or with whole answers to redemptions, any number in each; standard input if none is named.
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
}

impl ReceiptsAction {
    /// Does it.
    pub(super) fn run(self, out: &mut impl Write) -> anyhow::Result<()> {
        let Self::Verify(verify) = self;
        verify.run(out)
    }
}

impl Verify {
    fn run(self, out: &mut impl Write) -> anyhow::Result<()> {
        let keys = self.key.iter().map(|key| key.parse()).collect::<Result<Vec<_>, _>>().context("--key")?;
        let judges = !self.statement.is_empty();
        let mut verification = Verification { keys, judges, ..Verification::default() };
        for file in &self.statement {
            let added = verification.add_statement(file);
            let named = || format!("--statement {} does not count", file.display());
            verification.tell(added.with_context(named), out)?;
        }
        if self.files.is_empty() {
            let mut bytes = Vec::new();
            let read = stdin().read_to_end(&mut bytes).map(|_| bytes);
            verification.add_receipts(read, Path::new("standard input"), out)?;
        }
        for file in &self.files {
            verification.add_receipts(std::fs::read(file), file, out)?;
        }
        verification.report(out)
    }
}

/// What the documents say that count.
#[derive(Default)]
struct Verification {
    /// Whose signatures are believed.
    keys: Vec<VerificationKey>,
    /// Whether statements were given, by which days are judged.
    judges: bool,
    stated: Stated,
    claims: Claims,
    /// How many documents and files do not count.
    faults: u64,
}

impl Verification {
    /// Tells what is wrong with a document, if anything is: it does not hide what the others come to.
    fn tell(&mut self, added: anyhow::Result<()>, out: &mut impl Write) -> anyhow::Result<()> {
        if let Err(error) = added {
            self.faults += 1;
            writeln!(out, "{}", one_line(&error))?;
        }
        Ok(())
    }

    fn add_statement(&mut self, file: &Path) -> anyhow::Result<()> {
        let envelope: Envelope = serde_json::from_slice(&std::fs::read(file)?)
            .context("it is no signed statement as `GET /v1/statements/ID` gives it")?;
        let statement: Statement = open_by_any(&self.keys, STATEMENT_PAYLOAD_TYPE, &envelope)?;
        Ok(self.stated.add(&statement)?)
    }

    fn add_receipts(
        &mut self,
        read: std::io::Result<Vec<u8>>,
        file: &Path,
        out: &mut impl Write,
    ) -> anyhow::Result<()> {
        let file = file.display();
        let bytes = match read {
            Ok(bytes) => bytes,
            Err(error) => return self.tell(Err(error).with_context(|| file.to_string()), out),
        };
        let Documents { receipts, others, is_cut_off } = read_receipts(&bytes);
        for other in others {
            self.tell(Err(other).with_context(|| file.to_string()), out)?;
        }
        if is_cut_off {
            writeln!(out, "{file}: its last document is cut off and does not count")?;
        }
        for (number, envelope) in receipts {
            let added = self.claims.add(&envelope, &self.keys);
            let named = || format!("{file}: document {number} is no receipt that counts");
            self.tell(added.with_context(named), out)?;
        }
        Ok(())
    }

    fn report(&self, out: &mut impl Write) -> anyhow::Result<()> {
        let (mut short, mut unjudged) = (Vec::new(), BTreeSet::new());
        for (publisher, day, currency, claim) in self.claims.sums() {
            let mut line = json!({
                "publisher": publisher, "day": day.to_string(), "currency": currency,
                "receipts": claim.receipts, "tokens": claim.tokens, "micros": claim.micros,
            });
            let stated = self.stated.day(publisher, day, currency);
            if !stated.is_some_and(|stated| stated.is_in_period) {
                unjudged.insert(day);
            }
            if let Some(stated) = stated {
                line["stated_micros"] = stated.micros.into();
                line["in_period"] = stated.is_in_period.into();
                if stated.is_in_period && stated.micros < claim.micros {
                    short.push(day.to_string());
                }
            }
            writeln!(out, "{line}")?;
        }
        let again = match self.claims.given_again() {
            0 => String::new(),
            again => format!(", {again} given again"),
        };
        writeln!(out, "{} receipts are in order{again}", self.claims.counted())?;
        if self.judges && !unjudged.is_empty() {
            let days: Vec<_> = unjudged.iter().map(ToString::to_string).collect();
            writeln!(
                out,
                "NOT JUDGED, because no given statement is of their period: {}; give theirs as well (--statement again)",
                days.join(", ")
            )?;
        }
        let faults = (self.faults > 0).then(|| {
            format!(
                "{} of what was given does not count, as said of each, and is in no sum; where a signature is not valid, \
                 compare --key with the members `x` of the redeemer's /.well-known/jwks.json, and give every key that signed \
                 (--key again)",
                self.faults
            )
        });
        if !short.is_empty() {
            let short = format!(
                "SHORT: a statement credits less than the receipts of {}; what was credited late is in a later statement: if \
                 there is one, give it as well (--statement again)",
                short.join(", ")
            );
            let message = [Some(short), faults].into_iter().flatten().collect::<Vec<_>>().join("; ");
            return Err(EndsWith { status: SHORT, message }.into());
        }
        match faults {
            Some(faults) => bail!(faults),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
