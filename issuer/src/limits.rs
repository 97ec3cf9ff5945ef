//! What anybody may ask of the issuer: counted in memory, and forgotten hourly.

use std::sync::Arc;
use std::time::{Duration, Instant};

use farthing_api::ProblemKind;
use farthing_service::count::Count;
use farthing_service::environment::Environment;
use farthing_service::hourly_budget::HourlyBudget;
use farthing_service::network::Network;
use farthing_service::problem::ProblemResponse;
use farthing_service::rate_limit::{RateLimiter, Rates};
use farthing_service::sort_keys;
use serde::Deserialize;

use crate::orders::Claim;

/// How often old counts are looked for.
const FORGETTING: Duration = Duration::from_mins(1);

/// The table `limits`. Every key may be left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitsConfig {
    /// Requests in a minute from one address, in the long run. 600 unless said otherwise.
    pub requests_per_minute: Count<600>,
    /// Requests at once from one address. 200 unless said otherwise.
    pub requests_burst: Count<200>,
    /// The proxies whose `X-Forwarded-For` is believed. None unless said otherwise.
    pub trusted_proxies: Vec<Network>,
    /// Connections at a time. 10000 unless said otherwise.
    pub connections: Count<10_000>,
    /// Orders that wait for payment at a time. 100000 unless said otherwise.
    pub pending_orders: Count<100_000>,
    /// Repetitions of one order's token request in an hour. 10 unless said otherwise.
    pub repetitions_per_hour: Count<10>,
}

sort_keys!(LimitsConfig {
    running: [requests_per_minute, requests_burst, trusted_proxies, pending_orders, repetitions_per_hour],
    // The listeners take it when they are made.
    restart: [connections],
    tables: [],
});

impl LimitsConfig {
    fn rates(&self) -> Rates {
        Rates {
            per_minute: self.requests_per_minute.get(),
            burst: self.requests_burst.get(),
            trusted_proxies: self.trusted_proxies.clone(),
        }
    }
}

/// What is counted.
#[derive(Debug)]
pub struct Limits {
    /// Requests by address.
    pub requests: Arc<RateLimiter>,
    repetitions: HourlyBudget<[u8; 32]>,
    /// Lines in the log that say that orders are refused.
    lines: HourlyBudget<()>,
}

impl Limits {
    /// Nothing is counted yet.
    ///
    /// # Errors
    /// The system gave no randomness.
    pub fn new(config: &LimitsConfig) -> Result<Self, getrandom::Error> {
        let requests = RateLimiter::new(config.rates())?;
        let repetitions = HourlyBudget::new(config.repetitions_per_hour.get().into());
        Ok(Self { requests: Arc::new(requests), repetitions, lines: HourlyBudget::new(1) })
    }

    /// Allows from now on what `config` says. What was counted stays counted.
    pub fn set(&self, config: &LimitsConfig) {
        self.requests.set_rates(config.rates());
        self.repetitions.set_limit(config.repetitions_per_hour.get().into());
    }

    /// Counts a repetition of the token request of the order that `claim` owns.
    ///
    /// # Errors
    /// 429 when there were too many in this hour.
    pub fn take_repetition(&self, claim: Claim, now: u64) -> Result<(), ProblemResponse> {
        self.repetitions.take(claim.to_bytes(), now).map_err(|exhausted| {
            let detail = "this order's token request was repeated too often within an hour; the tokens stay yours, \
                          repeat it after the seconds in Retry-After";
            ProblemResponse::new(ProblemKind::TooManyRepetitions, detail).retry_after(exhausted.retry_after)
        })
    }

    /// Tells the operator, once an hour, that the cap on pending orders is reached.
    pub fn say_that_orders_are_refused(&self, now: u64) {
        if self.lines.take((), now).is_ok() {
            tracing::warn!(
                "orders are refused: limits.pending_orders wait for payment; raise it if those are real customers"
            );
        }
    }

    /// Forgets what hours that are over have counted, for ever.
    pub async fn forget(self: Arc<Self>, environment: Environment) {
        loop {
            tokio::time::sleep(FORGETTING).await;
            self.requests.forget_old(Instant::now());
            self.repetitions.forget_old(environment.now());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repetitions_are_counted_by_claim_and_a_refusal_says_when() {
        let limits = Limits::new(&LimitsConfig::default()).unwrap();
        let (claim, other) = (Claim::from_bytes([1; 32]), Claim::from_bytes([2; 32]));
        for _ in 0..10 {
            limits.take_repetition(claim, 7_200).unwrap();
        }
        let refused = limits.take_repetition(claim, 7_300).unwrap_err();
        assert_eq!(refused.problem().kind, ProblemKind::TooManyRepetitions.uri());
        limits.take_repetition(other, 7_300).unwrap();
        limits.take_repetition(claim, 10_800).unwrap();
        assert!(!format!("{limits:?}").contains("1, 1"), "{limits:?}");
    }

    #[test]
    fn other_limits_leave_what_was_counted() {
        let config = |repetitions: u32| {
            serde_json::from_value(serde_json::json!({ "repetitions_per_hour": repetitions })).unwrap()
        };
        let limits = Limits::new(&config(2)).unwrap();
        let claim = Claim::from_bytes([1; 32]);
        for _ in 0..2 {
            limits.take_repetition(claim, 7_200).unwrap();
        }
        limits.set(&config(2));
        limits.take_repetition(claim, 7_200).unwrap_err();
        limits.set(&config(3));
        limits.take_repetition(claim, 7_200).unwrap();
        limits.take_repetition(claim, 7_200).unwrap_err();
    }
}
