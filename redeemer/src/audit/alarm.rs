use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use farthing_protocol::{Day, TokenKeyId};
use farthing_service::keyring::Keyring;
use farthing_service::metrics::{Alarm, Metrics};

use super::Report;

/// More was redeemed than issued.
const AUDIT: Alarm = Alarm::new("audit");
/// The issuer's totals cannot be had.
const ISSUER_TOTALS: Alarm = Alarm::new("issuer-totals");

/// Tells the operator what audits show: two alarms in the metrics, and a line in the log when one begins or changes.
/// Present in the metrics once the first audit after the start was made.
pub struct AuditAlarm {
    metrics: Arc<Metrics>,
    told: Mutex<Told>,
}

#[derive(Default)]
struct Told {
    /// Keys with an excess, and through which day that was seen.
    excess: Option<(Day, BTreeSet<TokenKeyId>)>,
    /// Why there was nothing to compare with.
    fault: Option<String>,
}

impl AuditAlarm {
    /// Nothing is known yet.
    pub fn new(metrics: Arc<Metrics>) -> Self {
        Self { metrics, told: Mutex::default() }
    }

    /// Tells what a comparison showed. An older comparison than the one that raised the alarm does not end it.
    pub fn judge(&self, report: &Report, keyring: &Keyring) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let found: BTreeSet<_> = report.excesses().map(|key| key.token_key_id).collect();
        let known = told.excess.take();
        let is_older = known.as_ref().is_some_and(|(through, _)| report.compared_through < *through);
        if is_older && found.is_empty() {
            told.excess = known;
            return;
        }
        let before = known.map(|(_, keys)| keys).unwrap_or_default();
        for key in found.difference(&before) {
            let id = key.to_string();
            let name = keyring.get(key).map_or(id.as_str(), |entry| entry.name());
            tracing::error!(
                key = name,
                "more tokens of a key were redeemed than the issuer issued: see \"An excess in the audit\" in \
                 docs/operating.md"
            );
        }
        if found.is_empty() && !before.is_empty() {
            tracing::info!("no key has more tokens redeemed than issued any more");
        }
        self.metrics.set_alarm(AUDIT, !found.is_empty());
        told.excess = (!found.is_empty()).then_some((report.compared_through, found));
    }

    /// Tells that the issuer's totals could not be had, or that they are there.
    pub fn source(&self, fault: Option<String>) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        match &fault {
            Some(cause) if told.fault.as_ref() != Some(cause) => {
                tracing::warn!(%cause, "nothing was audited; the next hour tries again");
            }
            None if told.fault.is_some() => tracing::info!("the issuer's totals are there again"),
            _ => {}
        }
        self.metrics.set_alarm(ISSUER_TOTALS, fault.is_some());
        told.fault = fault;
    }
}
