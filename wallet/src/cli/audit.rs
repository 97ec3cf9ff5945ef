use serde_json::{Value, json};

use super::arguments::Audit;
use super::failure::{Exit, Failure};
use super::report::Report;
use super::session::Session;
use crate::audit::{AuditReport, compare};
use crate::http_message::Service;
use crate::money::format_micros;
use crate::service_url::ServiceUrl;
use crate::signed_totals::{
    VerifiedTotals, read_signing_keys, read_totals, signing_keys_request, totals_request,
};

/// `farthing audit`.
pub(crate) fn audit(session: &Session, options: &Audit) -> Result<Report, Failure> {
    let mut results = Vec::new();
    if let (Some(issuer), Some(redeemer)) = (&options.issuer, &options.redeemer) {
        let found = audit_pair(session, issuer, redeemer)?;
        results.push((found.report, Vec::new()));
    } else {
        results = audit_known(session)?;
    }

    let json: Vec<Value> = results
        .iter()
        .map(|(report, warnings)| {
            let mut json = json!(report);
            json["warnings"] = json!(warnings);
            json
        })
        .collect();
    let mut report = Report::new(json!({"audits": json}));
    for (audit, warnings) in &results {
        print_audit(&mut report, audit);
        for warning in warnings {
            report.line(format!("Warning: {warning}"));
        }
    }
    let excesses: Vec<_> = results
        .iter()
        .filter(|(audit, _)| audit.excess)
        .map(|(audit, _)| audit.issuer_name.as_str())
        .collect();
    if !excesses.is_empty() {
        let text = format!(
            "EXCESS: more tokens of {} were redeemed than issued. A token key was stolen or a service lies: buy \
             nothing there, and tell the operator",
            excesses.join(", ")
        );
        report.failure = Some(Failure::new(Exit::Excess, text));
    }
    Ok(report)
}

struct Found {
    report: AuditReport,
    issuer_key: String,
    redeemer_key: String,
}

fn audit_pair(session: &Session, issuer: &ServiceUrl, redeemer: &ServiceUrl) -> Result<Found, Failure> {
    // The redeemer first: the issuer's totals are then never the older ones.
    let by_redeemer = totals(session, Service::Redeemer, redeemer)?;
    let by_issuer = totals(session, Service::Issuer, issuer)?;
    let report = compare(&by_issuer.totals, &by_redeemer.totals)
        .map_err(|error| Failure::new(Exit::Failed, format!("{issuer} and {redeemer}: {error}")))?;
    Ok(Found { report, issuer_key: by_issuer.signing_key, redeemer_key: by_redeemer.signing_key })
}

fn totals(session: &Session, service: Service, url: &ServiceUrl) -> Result<VerifiedTotals, Failure> {
    let (call, answer) = session.ask(service, &signing_keys_request(url))?;
    let keys = read_signing_keys(&call, &answer)?;
    let (call, answer) = session.ask(service, &totals_request(url))?;
    Ok(read_totals(service, &call, &answer, &keys)?)
}

/// Audits every issuer that the wallet knows, and remembers the keys that signed.
fn audit_known(session: &Session) -> Result<Vec<(AuditReport, Vec<String>)>, Failure> {
    let mut wallet = session.open()?;
    let known: Vec<_> = wallet
        .state
        .issuers()
        .iter()
        .map(|(name, known)| (name.clone(), known.issuer.clone(), known.redeemer.clone()))
        .collect();
    if known.is_empty() {
        let text = "the wallet knows no issuer yet; give --issuer URL and --redeemer URL";
        return Err(Failure::new(Exit::Usage, text));
    }
    let mut results = Vec::new();
    let mut has_new_keys = false;
    for (name, issuer, redeemer) in known {
        let found = audit_pair(session, &issuer, &redeemer)?;
        let mut warnings = Vec::new();
        if found.report.issuer_name != name {
            warnings.push(format!(
                "they count for {}, and tokens were bought from {name}",
                found.report.issuer_name
            ));
        }
        if let Some(known) = wallet.state.issuer_mut(&name) {
            for (service, seen, key) in [
                (Service::Issuer, &mut known.issuer_signing_keys, found.issuer_key),
                (Service::Redeemer, &mut known.redeemer_signing_keys, found.redeemer_key),
            ] {
                if seen.contains(&key) {
                    continue;
                }
                if !seen.is_empty() {
                    warnings.push(format!(
                        "the {service} signs its totals with a key that was not seen before ({key}); ask the \
                         operator whether it was changed"
                    ));
                }
                seen.push(key);
                has_new_keys = true;
            }
        }
        results.push((found.report, warnings));
    }
    if has_new_keys {
        session.save(&wallet.file, &wallet.state, "wallet.signing-keys.saved")?;
    }
    Ok(results)
}

fn print_audit(report: &mut Report, audit: &AuditReport) {
    report.line(format!(
        "{}: issued through {}, redeemed through {}",
        audit.issuer_name, audit.issued_through, audit.redeemed_through
    ));
    if audit.compared_through < audit.redeemed_through {
        report.line(format!(
            "The issuer is behind: only redemptions through {} are compared.",
            audit.compared_through
        ));
    } else if audit.issued_through > audit.redeemed_through {
        report.line("The redeemer is behind: tokens issued since then count as outstanding.");
    }
    report.line(format!(
        "{:<43}  {:>14}  {:>12}  {:>12}  {:>12}",
        "token key", "value", "issued", "redeemed", "outstanding"
    ));
    for key in &audit.keys {
        let excess = if key.excess > 0 { format!("  EXCESS {}", key.excess) } else { String::new() };
        report.line(format!(
            "{:<43}  {:>14}  {:>12}  {:>12}  {:>12}{excess}",
            key.token_key_id.to_string(),
            format_micros(key.value_micros, &key.currency),
            key.issued,
            key.redeemed,
            key.outstanding,
        ));
    }
    for (currency, micros) in &audit.outstanding_micros {
        report.line(format!("Outstanding: {}", format_micros(*micros, currency)));
    }
    if !audit.excess {
        report.line("Nothing was redeemed that was not issued.");
    }
}
