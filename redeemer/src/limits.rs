//! What anybody may ask of the redeemer: counted in memory, and forgotten hourly.

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

use crate::publishers::PublisherId;

/// How often old counts are looked for.
const FORGETTING: Duration = Duration::from_mins(1);

/// The table `limits`. Every key may be left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitsConfig {
    /// Requests in a minute from one address, in the long run. 60000 unless said otherwise: one address may be all of
    /// a publisher's site.
    pub requests_per_minute: Count<60_000>,
    /// Requests at once from one address. 5000 unless said otherwise.
    pub requests_burst: Count<5_000>,
    /// The proxies whose `X-Forwarded-For` is believed. None unless said otherwise.
    pub trusted_proxies: Vec<Network>,
    /// Connections at a time. 10000 unless said otherwise.
    pub connections: Count<10_000>,
    /// Invalid tokens from one publisher in an hour. 10000 unless said otherwise.
    pub invalid_tokens_per_hour: Count<10_000>,
    /// Answers that are kept at a time; a quarter of them for one publisher. 4000000 unless said otherwise.
    pub kept_answers: Count<4_000_000>,
    /// Redemptions in work at a time; a quarter of them for one publisher. 256 unless said otherwise.
    pub redemptions_at_once: Count<256>,
}

sort_keys!(LimitsConfig {
    running: [
        requests_per_minute,
        requests_burst,
        trusted_proxies,
        invalid_tokens_per_hour,
        kept_answers,
        redemptions_at_once,
    ],
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
    invalid_tokens: HourlyBudget<PublisherId>,
}

impl Limits {
    /// Nothing is counted yet.
    ///
    /// # Errors
    /// The system gave no randomness.
    pub fn new(config: &LimitsConfig) -> Result<Self, getrandom::Error> {
        let requests = RateLimiter::new(config.rates())?;
        let invalid_tokens = HourlyBudget::new(config.invalid_tokens_per_hour.get().into());
        Ok(Self { requests: Arc::new(requests), invalid_tokens })
    }

    /// Allows from now on what `config` says. What was counted stays counted.
    pub fn set(&self, config: &LimitsConfig) {
        self.requests.set_rates(config.rates());
        self.invalid_tokens.set_limit(config.invalid_tokens_per_hour.get().into());
    }

    /// Whether a publisher's tokens are looked at in this hour.
    ///
    /// # Errors
    /// 429 when too many were invalid.
    pub fn check_invalid_tokens(&self, publisher: &PublisherId, now: u64) -> Result<(), ProblemResponse> {
        self.invalid_tokens.check(publisher, now).map_err(|exhausted| {
            let detail = "too many of your tokens were invalid within an hour, and none of these were looked at; \
                          find out who hands you such tokens, and repeat after the seconds in Retry-After";
            ProblemResponse::new(ProblemKind::TooManyInvalidTokens, detail).retry_after(exhausted.retry_after)
        })
    }

    /// Counts the invalid tokens of a redemption, which are known only when the work is done: the budget can be
    /// overdrawn by what is in work at a time.
    pub fn count_invalid_tokens(&self, publisher: PublisherId, tokens: usize, now: u64) {
        self.invalid_tokens.spend(publisher, tokens as u64, now);
    }

    /// Forgets what hours that are over have counted, for ever.
    pub async fn forget(self: Arc<Self>, environment: Environment) {
        loop {
            tokio::time::sleep(FORGETTING).await;
            self.requests.forget_old(Instant::now());
            self.invalid_tokens.forget_old(environment.now());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_publisher_has_a_budget_for_each_hour() {
        let limits = Limits::new(&LimitsConfig::default()).unwrap();
        let (publisher, other) = (PublisherId::from_bytes([1; 16]), PublisherId::from_bytes([2; 16]));
        limits.count_invalid_tokens(publisher, 9_999, 7_200);
        limits.check_invalid_tokens(&publisher, 7_200).unwrap();
        limits.count_invalid_tokens(publisher, 1, 7_200);
        let refused = limits.check_invalid_tokens(&publisher, 7_300).unwrap_err();
        assert_eq!(refused.problem().kind, ProblemKind::TooManyInvalidTokens.uri());
        limits.check_invalid_tokens(&other, 7_300).unwrap();
        limits.check_invalid_tokens(&publisher, 10_800).unwrap();
    }

    #[test]
    fn other_limits_leave_what_was_counted() {
        let config = |tokens: u32| {
            serde_json::from_value(serde_json::json!({ "invalid_tokens_per_hour": tokens })).unwrap()
        };
        let limits = Limits::new(&config(5)).unwrap();
        let publisher = PublisherId::from_bytes([1; 16]);
        limits.count_invalid_tokens(publisher, 5, 7_200);
        limits.set(&config(5));
        limits.check_invalid_tokens(&publisher, 7_200).unwrap_err();
        limits.set(&config(6));
        limits.check_invalid_tokens(&publisher, 7_200).unwrap();
        limits.count_invalid_tokens(publisher, 1, 7_200);
        limits.check_invalid_tokens(&publisher, 7_200).unwrap_err();
    }
}
