//! The totals that anyone may audit: what was redeemed under each key, in finished days.

use farthing_api::Envelope;
use farthing_protocol::Day;
use farthing_service::birth::ServiceKind;
use farthing_service::problem::ProblemResponse;
use farthing_service::totals::{self, DayCount};

use crate::service::Redeemer;

impl Redeemer {
    /// The totals through yesterday, signed.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn signed_totals(&self) -> Result<Envelope, ProblemResponse> {
        let counts =
            self.questions.ask(self.stores.totals.totals()).await?.into_iter().map(|(key, day, total)| {
                DayCount { key, day, denomination: total.denomination, tokens: total.tokens, orders: None }
            });
        let today = Day::from_unix(self.environment.now());
        let config = self.config.current();
        totals::signed(&self.signing_key, ServiceKind::Redeemer, &config.issuer_name, counts, today)
    }
}
