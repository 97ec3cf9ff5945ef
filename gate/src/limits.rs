//! What anybody may ask of the gate: counted in memory, and forgotten hourly.

use std::sync::Arc;
use std::time::{Duration, Instant};

use farthing_service::count::Count;
use farthing_service::network::Network;
use farthing_service::rate_limit::{RateLimiter, Rates};
use farthing_service::sort_keys;
use serde::Deserialize;

/// How often old counts are looked for.
const FORGETTING: Duration = Duration::from_mins(1);

/// The table `limits`. Every key may be left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitsConfig {
    /// Payments in a minute from one address, in the long run; of those with forged tokens each token counts. 120 unless
    /// said otherwise: the redeemer takes only so many forged tokens from a publisher.
    pub payments_per_minute: Count<120>,
    /// Payments at once from one address. 60 unless said otherwise.
    pub payments_burst: Count<60>,
    /// The proxies whose `X-Forwarded-For` is believed. None unless said otherwise.
    pub trusted_proxies: Vec<Network>,
    /// Connections at a time. 10000 unless said otherwise.
    pub connections: Count<10_000>,
}

sort_keys!(LimitsConfig {
    running: [payments_per_minute, payments_burst, trusted_proxies],
    // The listeners take it when they are made.
    restart: [connections],
    tables: [],
});

impl LimitsConfig {
    fn rates(&self) -> Rates {
        Rates {
            per_minute: self.payments_per_minute.get(),
            burst: self.payments_burst.get(),
            trusted_proxies: self.trusted_proxies.clone(),
        }
    }
}

/// What is counted.
#[derive(Debug)]
pub struct Limits {
    /// Payments by address.
    pub payments: Arc<RateLimiter>,
}

impl Limits {
    /// Nothing is counted yet.
    ///
    /// # Errors
    /// The system gave no randomness.
    pub fn new(config: &LimitsConfig) -> Result<Self, getrandom::Error> {
        Ok(Self { payments: Arc::new(RateLimiter::new(config.rates())?) })
    }

    /// Allows from now on what `config` says. What was counted stays counted.
    pub fn set(&self, config: &LimitsConfig) {
        self.payments.set_rates(config.rates());
    }

    /// Forgets what hours that are over have counted, for ever.
    pub async fn forget(self: Arc<Self>) {
        loop {
            tokio::time::sleep(FORGETTING).await;
            self.payments.forget_old(Instant::now());
        }
    }
}
