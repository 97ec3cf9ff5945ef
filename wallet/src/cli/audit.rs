use farthing_api::KeyListing;
use serde_json::{Value, json};

use super::arguments::Audit;
use super::failure::{Exit, Failure};
use super::report::Report;
use super::session::{OpenWallet, Session};
use crate::audit::{AuditReport, compare};
use crate::http_message::Service;
use crate::money::format_micros;
use crate::redeemer_client;
use crate::service_url::ServiceUrl;
use crate::signed_totals::{
    VerifiedTotals, read_signing_keys, read_totals, signing_keys_request, totals_request,
};

/// What was found at one issuer and its redeemer.
struct Audited {
    report: AuditReport,
    warnings: Vec<String>,
}

/// What could not be found out, and at which issuer.
struct Missing {
    issuer_name: String,
    failure: Failure,
}

/// `farthing audit`.
pub(crate) fn audit(session: &Session, options: &Audit) -> Result<Report, Failure> {
    let (audits, missing) = match (&options.issuer, &options.redeemer) {
        (Some(issuer), Some(redeemer)) => {
            let found = audit_pair(session, issuer, redeemer)?;
            (vec![Audited { report: found.report, warnings: Vec::new() }], Vec::new())
        }
        _ => audit_known(session)?,
    };

    let json: Vec<Value> = audits
        .iter()
        .map(|audited| {
            let mut json = json!(audited.report);
            json["warnings"] = json!(audited.warnings);
            json
        })
        .collect();
    let failures: Vec<Value> = missing
        .iter()
        .map(|missing| json!({"issuer_name": missing.issuer_name, "message": missing.failure.message}))
        .collect();
    let mut report = Report::new(json!({"audits": json, "failures": failures}));
    for audited in &audits {
        print_audit(&mut report, &audited.report);
        for warning in &audited.warnings {
            report.line(format!("Warning: {warning}"));
        }
    }
    report.failure = verdict(&audits, &missing);
    Ok(report)
}

/// How the program ends: an excess outweighs whatever could not be found out.
fn verdict(audits: &[Audited], missing: &[Missing]) -> Option<Failure> {
    let excesses: Vec<_> = audits
        .iter()
        .filter(|audited| audited.report.excess)
        .map(|audited| audited.report.issuer_name.as_str())
        .collect();
    let mut messages = Vec::new();
    if !excesses.is_empty() {
        messages.push(format!(
            "EXCESS: more tokens of {} were redeemed than issued. A token key was stolen or a service lies: buy \
             nothing there, and tell the operator",
            excesses.join(", ")
        ));
    }
    messages.extend(
        missing.iter().map(|missing| format!("{}: {}", missing.issuer_name, missing.failure.message)),
    );
    let exit = match missing.first() {
        _ if !excesses.is_empty() => Exit::Excess,
        Some(first) if missing.iter().all(|missing| missing.failure.exit == first.failure.exit) => {
            first.failure.exit
        }
        Some(_) => Exit::Failed,
        None => return None,
    };
    Some(Failure::new(exit, messages.join("\nfarthing: ")))
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

/// Audits every issuer that the wallet knows, whatever becomes of the others. Remembers the keys that signed, and marks
/// the token keys that a redeemer no longer lists.
fn audit_known(session: &Session) -> Result<(Vec<Audited>, Vec<Missing>), Failure> {
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
    let (mut audits, mut missing) = (Vec::new(), Vec::new());
    let mut has_new_keys = false;
    for (name, issuer, redeemer) in known {
        match token_keys(session, &redeemer) {
            Ok(listing) => session.mark_void_keys(&mut wallet, &redeemer, &listing)?,
            Err(failure) => {
                // One that cannot be reached need not be waited for twice.
                let is_away = failure.exit == Exit::Unfinished;
                missing.push(Missing { issuer_name: name.clone(), failure });
                if is_away {
                    continue;
                }
            }
        }
        match audit_pair(session, &issuer, &redeemer) {
            Ok(found) => {
                let mut warnings = Vec::new();
                if found.report.issuer_name != name {
                    warnings.push(format!(
                        "they count for {}, and tokens were bought from {name}",
                        found.report.issuer_name
                    ));
                }
                has_new_keys |= remember_signing_keys(&mut wallet, &name, &found, &mut warnings);
                audits.push(Audited { report: found.report, warnings });
            }
            Err(failure) => missing.push(Missing { issuer_name: name, failure }),
        }
    }
    if has_new_keys {
        session.save(&wallet.file, &wallet.state, "wallet.signing-keys.saved")?;
    }
    Ok((audits, missing))
}

fn token_keys(session: &Session, redeemer: &ServiceUrl) -> Result<KeyListing, Failure> {
    let (call, answer) = session.ask(Service::Redeemer, &redeemer_client::keys_request(redeemer))?;
    Ok(redeemer_client::read_keys(&call, &answer)?)
}

/// Adds the keys that signed to those that were seen before, and says whether there were new ones.
fn remember_signing_keys(
    wallet: &mut OpenWallet,
    name: &str,
    found: &Found,
    warnings: &mut Vec<String>,
) -> bool {
    let Some(known) = wallet.state.issuer_mut(name) else { return false };
    let mut has_new_keys = false;
    for (service, seen, key) in [
        (Service::Issuer, &mut known.issuer_signing_keys, &found.issuer_key),
        (Service::Redeemer, &mut known.redeemer_signing_keys, &found.redeemer_key),
    ] {
        if seen.contains(key) {
            continue;
        }
        if !seen.is_empty() {
            warnings.push(format!(
                "the {service} signs its totals with a key that was not seen before ({key}); ask the operator \
                 whether it was changed"
            ));
        }
        seen.push(key.clone());
        has_new_keys = true;
    }
    has_new_keys
}

fn print_audit(report: &mut Report, audit: &AuditReport) {
    report.line(format!(
        "{}: issued through {}, redeemed through {}",
        audit.issuer_name, audit.issued_through, audit.redeemed_through
    ));
    if audit.is_empty() {
        report.line(
            "No finished day has any tokens yet: totals are published when a day (UTC) is over. Try again tomorrow.",
        );
        return;
    }
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use farthing_protocol::{Day, TokenKeyId};

    use super::*;
    use crate::audit::KeyAudit;

    fn audited(keys: Vec<KeyAudit>) -> Audited {
        let excess = keys.iter().any(|key| key.excess > 0);
        let day: Day = "2026-01-02".parse().unwrap();
        let report = AuditReport {
            issuer_name: "issuer.example".into(),
            issued_through: day,
            redeemed_through: day,
            compared_through: day,
            keys,
            outstanding_micros: BTreeMap::new(),
            excess,
        };
        Audited { report, warnings: Vec::new() }
    }

    fn key(issued: u64, redeemed: u64) -> KeyAudit {
        KeyAudit {
            token_key_id: TokenKeyId::from_bytes([1; 32]),
            value_micros: 10_000,
            currency: "EUR".into(),
            issued,
            redeemed,
            outstanding: issued.saturating_sub(redeemed),
            excess: redeemed.saturating_sub(issued),
        }
    }

    fn lines(audited: &Audited) -> String {
        let mut report = Report::new(Value::Null);
        print_audit(&mut report, &audited.report);
        report.lines.iter().map(|line| format!("{}\n", line.as_str())).collect()
    }

    #[test]
    fn before_the_first_day_with_tokens_is_over_there_is_neither_table_nor_verdict() {
        for keys in [Vec::new(), vec![key(0, 0)]] {
            let printed = lines(&audited(keys));
            assert!(printed.contains("No finished day has any tokens yet"), "{printed}");
            assert!(!printed.contains("token key") && !printed.contains("Nothing was redeemed"), "{printed}");
        }
        let printed = lines(&audited(vec![key(100, 3)]));
        assert!(printed.ends_with("Nothing was redeemed that was not issued.\n"), "{printed}");
        assert!(lines(&audited(vec![key(0, 1)])).contains("EXCESS 1"));
    }

    #[test]
    fn one_failing_issuer_hides_no_other() {
        let missing =
            |exit| Missing { issuer_name: "b.example".into(), failure: Failure::new(exit, "is away") };
        assert!(verdict(&[audited(vec![key(1, 0)])], &[]).is_none());
        let failure = verdict(&[audited(vec![key(1, 0)])], &[missing(Exit::Unfinished)]).unwrap();
        assert_eq!((failure.exit, failure.message.as_str()), (Exit::Unfinished, "b.example: is away"));
        let failure = verdict(&[], &[missing(Exit::Unfinished), missing(Exit::Failed)]).unwrap();
        assert_eq!(failure.exit, Exit::Failed);
        let failure = verdict(&[audited(vec![key(1, 2)])], &[missing(Exit::Unfinished)]).unwrap();
        assert_eq!(failure.exit, Exit::Excess);
        assert!(failure.message.ends_with("\nfarthing: b.example: is away"), "{}", failure.message);
    }
}
