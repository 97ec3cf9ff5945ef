use std::io::{Read, Write, stdin};
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, Subcommand};
use farthing_api::{Envelope, STATEMENT_PAYLOAD_TYPE, Statement};
use farthing_service::program::EndsWith;
use farthing_service::verification_key::VerificationKey;
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
/// one of its days.
#[derive(Debug, Args)]
pub(super) struct Verify {
    /// The redeemer's signing key, the member `x` of its /.well-known/jwks.json.
    #[arg(long, value_name = "KEY", allow_hyphen_values = true)]
    key: String,
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
        let key: VerificationKey = self.key.parse().context("--key")?;
        let mut stated = Stated::default();
        for file in &self.statement {
            let named = || format!("--statement {}", file.display());
            let bytes = std::fs::read(file).with_context(named)?;
            let envelope: Envelope = serde_json::from_slice(&bytes)
                .context("it is no signed statement as `GET /v1/statements/ID` gives it")
                .with_context(named)?;
            let statement: Statement = key.open(STATEMENT_PAYLOAD_TYPE, &envelope).with_context(named)?;
            stated.add(&statement).with_context(named)?;
        }
        let mut claims = Claims::default();
        if self.files.is_empty() {
            let mut bytes = Vec::new();
            stdin().read_to_end(&mut bytes).context("standard input")?;
            add(&mut claims, &bytes, Path::new("standard input"), &key, out)?;
        }
        for file in &self.files {
            let bytes = std::fs::read(file).with_context(|| file.display().to_string())?;
            add(&mut claims, &bytes, file, &key, out)?;
        }
        report(&claims, &stated, out)
    }
}

fn add(
    claims: &mut Claims,
    bytes: &[u8],
    file: &Path,
    key: &VerificationKey,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let documents = read_receipts(bytes).with_context(|| file.display().to_string())?;
    let Documents { receipts, is_cut_off } = documents;
    if is_cut_off {
        writeln!(out, "{}: its last document is cut off and does not count", file.display())?;
    }
    for (number, envelope) in receipts {
        let added = claims.add(&envelope, key);
        added.with_context(|| format!("{}: document {number} is no receipt that counts", file.display()))?;
    }
    Ok(())
}

fn report(claims: &Claims, stated: &Stated, out: &mut impl Write) -> anyhow::Result<()> {
    let mut short = Vec::new();
    for (publisher, day, currency, claim) in claims.sums() {
        let mut line = json!({
            "publisher": publisher, "day": day.to_string(), "currency": currency,
            "receipts": claim.receipts, "tokens": claim.tokens, "micros": claim.micros,
        });
        if let Some(micros) = stated.micros(publisher, day, currency) {
            line["stated_micros"] = micros.into();
            if micros < claim.micros {
                short.push(day.to_string());
            }
        }
        writeln!(out, "{line}")?;
    }
    let again = match claims.given_again() {
        0 => String::new(),
        again => format!(", {again} given again"),
    };
    writeln!(out, "{} receipts are in order{again}", claims.counted())?;
    if short.is_empty() {
        return Ok(());
    }
    let message = format!("SHORT: a statement credits less than the receipts of {}", short.join(", "));
    Err(EndsWith { status: SHORT, message }.into())
}

#[cfg(test)]
mod tests {
    use farthing_api::{BalanceEntry, Base64Url, RECEIPT_PAYLOAD_TYPE, Receipt};
    use farthing_service::signing_key::SigningKey;
    use serde_json::Value;
    use tempfile::TempDir;

    use super::*;

    /// A directory with a receipt of 3 tokens, and a statement that credits so many.
    fn setting(stated: u64) -> (TempDir, Verify) {
        let directory = tempfile::tempdir().unwrap();
        let key = SigningKey::from_seed(&[1; 32]);
        let write = |name: &str, envelope: Envelope| {
            let file = directory.path().join(name);
            std::fs::write(&file, serde_json::to_vec(&envelope).unwrap()).unwrap();
            file
        };
        let receipt = Receipt {
            redemption: Base64Url([1; 16]),
            publisher: "P".to_owned(),
            day: "2026-11-21".to_owned(),
            credited: vec![BalanceEntry { currency: "EUR".to_owned(), micros: 30_000, tokens: 3 }],
        };
        let statement = json!({
            "publisher": "P", "id": "EUR.2026-11-30", "currency": "EUR", "from": "2026-11-01",
            "through": "2026-11-30", "closed": "2026-12-01", "commission_basis_points": 0,
            "carried_in_micros": 0, "gross_micros": 0, "fee_micros": 0, "net_minor": 0, "carried_micros": 0,
            "credits": [{ "day": "2026-11-21", "value_micros": 10_000, "tokens": stated }], "adjustments": [],
        });
        let verify = Verify {
            key: key.jwk_set().keys[0].x.to_string(),
            statement: vec![write(
                "statement",
                key.sign_envelope(STATEMENT_PAYLOAD_TYPE, &statement).unwrap(),
            )],
            files: vec![write("receipt", key.sign_envelope(RECEIPT_PAYLOAD_TYPE, &receipt).unwrap())],
        };
        (directory, verify)
    }

    fn first_line(printed: &[u8]) -> Value {
        serde_json::from_str(str::from_utf8(printed).unwrap().lines().next().unwrap()).unwrap()
    }

    #[test]
    fn a_statement_that_credits_less_is_told() {
        let mut out = Vec::new();
        let (_directory, verify) = setting(3);
        verify.run(&mut out).unwrap();
        let line = first_line(&out);
        assert_eq!((&line["micros"], &line["stated_micros"]), (&30_000.into(), &30_000.into()));

        let mut out = Vec::new();
        let (_directory, verify) = setting(2);
        let error = verify.run(&mut out).unwrap_err();
        assert_eq!(error.downcast_ref::<EndsWith>().unwrap().status, SHORT);
        assert_eq!(error.to_string(), "SHORT: a statement credits less than the receipts of 2026-11-21");
        assert_eq!(first_line(&out)["stated_micros"], 20_000);
    }

    #[test]
    fn half_a_receipt_at_the_end_is_told_and_hinders_nothing() {
        let (_directory, verify) = setting(3);
        let whole = std::fs::read_to_string(&verify.files[0]).unwrap();
        std::fs::write(&verify.files[0], format!("{whole}\n{}", &whole[..whole.len() / 2])).unwrap();
        let mut out = Vec::new();
        verify.run(&mut out).unwrap();
        let printed = String::from_utf8(out).unwrap();
        assert!(printed.contains("receipt: its last document is cut off and does not count\n"), "{printed}");
        assert!(printed.ends_with("1 receipts are in order\n"), "{printed}");
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let error = |change: &dyn Fn(&mut Verify)| {
            let (_directory, mut verify) = setting(3);
            change(&mut verify);
            format!("{:#}", verify.run(&mut Vec::new()).unwrap_err())
        };
        assert!(error(&|verify| verify.key = "x".to_owned()).starts_with("--key: not a public signing key"));
        let missing = error(&|verify| verify.files[0].set_extension("gone").then_some(()).unwrap());
        assert!(missing.contains("receipt.gone: No such file"), "{missing}");
        let swapped = error(&|verify| std::mem::swap(&mut verify.files, &mut verify.statement));
        assert!(swapped.starts_with("--statement ") && swapped.contains("it is not a signed"), "{swapped}");
        let other =
            error(&|verify| verify.key = SigningKey::from_seed(&[2; 32]).jwk_set().keys[0].x.to_string());
        assert!(other.contains("no valid signature by the pinned key"), "{other}");
        let other = error(&|verify| {
            verify.files = std::mem::take(&mut verify.statement);
        });
        assert!(other.contains("document 1 is no receipt that counts: it is not a signed"), "{other}");
    }
}
