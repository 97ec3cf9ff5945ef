use std::io::Write;
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use farthing_service::environment::Environment;
use farthing_service::program::{EndsWith, print_lines};
use farthing_service::verification_key::VerificationKey;
use serde_json::Value;

use crate::admin::{self, Command};
use crate::audit::{AuditConfig, Issued, fetch};
use crate::config::Config;

/// Status of a program that found an excess; the wallet's audit ends with the same.
const EXCESS: u8 = 4;

/// `farthing-redeemer audit`.
///
/// Status 4 when more tokens of a key were redeemed than issued.
#[derive(Debug, Args)]
pub(super) struct Audit {
    /// The document that the issuer publishes at /v1/totals; of several issuers on one keyring, each with a store of its
    /// own, the documents of all. Fetched from audit.issuer_totals_url if left out.
    #[arg(long, value_name = "FILE")]
    issuer_totals: Vec<PathBuf>,
    /// The issuer's signing key, the member `x` of its /.well-known/jwks.json; of several issuers one for each document. It
    /// is audit.issuer_totals_key if left out.
    #[arg(long, value_name = "KEY", allow_hyphen_values = true)]
    issuer_key: Vec<String>,
}

impl Audit {
    /// Does it.
    pub(super) fn run(
        self,
        config: &Config,
        environment: &Environment,
        out: &mut impl Write,
    ) -> anyhow::Result<()> {
        let configured = config.audit.as_ref();
        let mut signers = Vec::new();
        for key in &self.issuer_key {
            signers.push(key.parse::<VerificationKey>().context("--issuer-key")?);
        }
        if signers.is_empty() {
            let configured = configured.context(
                "whose signature? add --issuer-key, or audit.issuer_totals_key to the configuration",
            )?;
            signers.push(configured.issuer_totals_key);
        }
        let mut documents = Vec::new();
        for file in &self.issuer_totals {
            documents.push(std::fs::read(file).with_context(|| file.display().to_string())?);
        }
        if documents.is_empty() {
            let Some(AuditConfig { issuer_totals_url: Some(url), .. }) = configured else {
                anyhow::bail!(
                    "where are the issuer's totals? add --issuer-totals FILE, or audit.issuer_totals_url to the configuration"
                );
            };
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            documents.push(runtime.block_on(fetch(url))?);
        }
        let issued = Issued::read_all(&documents, &signers, &config.issuer_name)?;
        let answer = admin::run(Command::Audit { issued }, config, environment)?;
        let keys = excesses(&answer);
        print_lines(answer, out)?;
        if keys.is_empty() {
            return Ok(());
        }
        let message = format!(
            "EXCESS: more tokens of {} were redeemed than issued; see \"An excess in the audit\" in docs/operating.md",
            keys.join(", ")
        );
        Err(EndsWith { status: EXCESS, message }.into())
    }
}

/// The ids of the keys with an excess.
fn excesses(answer: &Value) -> Vec<String> {
    let lines = answer.as_array().map(Vec::as_slice).unwrap_or_default();
    let of_excess = lines.iter().filter(|line| line["excess"].as_u64().is_some_and(|excess| excess > 0));
    of_excess.filter_map(|line| line["token_key_id"].as_str().map(str::to_owned)).collect()
}
