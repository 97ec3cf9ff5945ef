use std::sync::Arc;
use std::time::Duration;

use farthing_protocol::{Day, SECONDS_PER_DAY};

use super::config::{AuditConfig, TotalsUrl};
use super::{Issued, Report, compare, fetch};
use crate::service::Redeemer;

const PERIOD: Duration = Duration::from_hours(1);
/// So long after midnight the last day's requests may still be in work, and answers of before midnight be cached.
const SETTLING: Duration = Duration::from_mins(10);
/// Totals that end so many days before yesterday are as good as none: somebody withholds newer ones.
const STALE_DAYS: u32 = 2;

impl Redeemer {
    /// Compares what was redeemed with what the issuer issued, and tells the operator.
    ///
    /// # Errors
    /// The store does not answer, or the two cannot be compared.
    pub async fn audit(&self, issued: &Issued) -> anyhow::Result<Report> {
        let redeemed = self.stores.totals.totals().await?;
        let report = compare(issued, &redeemed, Day::from_unix(self.environment.now()))?;
        self.audit_alarm.judge(&report, &self.keyring.current());
        Ok(report)
    }

    /// Fetches the issuer's totals once an hour, for ever, and compares.
    pub async fn watch_issuer(self: Arc<Self>) {
        let config = self.config.current();
        let Some(AuditConfig { issuer_totals_url: Some(url), .. }) = &config.audit else { return };
        loop {
            let since_midnight = Duration::from_secs(self.environment.now() % SECONDS_PER_DAY);
            if let Some(rest) = SETTLING.checked_sub(since_midnight).filter(|rest| !rest.is_zero()) {
                tokio::time::sleep(rest).await;
                continue;
            }
            self.audit_published(url).await;
            tokio::time::sleep(PERIOD).await;
        }
    }

    /// Fetches the issuer's totals, and compares.
    pub(crate) async fn audit_published(&self, url: &TotalsUrl) {
        let audited = self.audit_at(url).await;
        self.audit_alarm.source(audited.err().map(|error| format!("{error:#}")));
    }

    async fn audit_at(&self, url: &TotalsUrl) -> anyhow::Result<()> {
        let config = self.config.current();
        let Some(AuditConfig { issuer_totals_key, .. }) = &config.audit else { return Ok(()) };
        let issued = Issued::read(&fetch(url).await?, issuer_totals_key, &config.issuer_name)?;
        let today = Day::from_unix(self.environment.now());
        self.audit(&issued).await?;
        if issued.through.plus(STALE_DAYS + 1) < today {
            anyhow::bail!("the issuer's totals end on {}: see why there are no newer ones", issued.through);
        }
        Ok(())
    }
}
