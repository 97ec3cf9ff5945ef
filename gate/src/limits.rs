//! What anybody may ask of the gate: counted in memory, and forgotten hourly.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::http::header::HeaderMap;
use farthing_service::count::Count;
use farthing_service::network::Network;
use farthing_service::problem::ProblemResponse;
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
    payments: RateLimiter,
}

/// Whom a payment counts against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Payer {
    /// A network address, by which every payment is counted.
    Address(IpAddr),
    /// Whoever has none of their own: programs on this machine, a proxy on it that names nobody, readers of an onion
    /// service. They are counted together, so only what harms the others is: forged tokens.
    Unnamed,
}

impl Payer {
    /// What the limiter calls them.
    fn address(self) -> IpAddr {
        match self {
            Self::Address(address) => address,
            Self::Unnamed => Ipv6Addr::UNSPECIFIED.into(),
        }
    }
}

/// What a payment turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// One of a reader.
    Fair,
    /// Refused for what can be tried again and again with tokens that nobody has: it has cost the redeemer questions.
    Refused,
    /// Forged. The redeemer counts each such token, and takes none from a publisher after too many.
    Forged,
}

impl Limits {
    /// Nothing is counted yet.
    ///
    /// # Errors
    /// The system gave no randomness.
    pub fn new(config: &LimitsConfig) -> Result<Self, getrandom::Error> {
        Ok(Self { payments: RateLimiter::new(config.rates())? })
    }

    /// Who pays with a request from `peer`. One that is `proven` to be the site's proxy says for whom it asks.
    pub fn payer(&self, peer: Option<IpAddr>, headers: &HeaderMap, proven: bool) -> Payer {
        self.payments.client(peer, headers, proven).map_or(Payer::Unnamed, Payer::Address)
    }

    /// Counts a payment of so many `tokens`. Until it is [known](Self::known) that they are not forged, each counts.
    ///
    /// # Errors
    /// 429 when there were too many before.
    pub fn begin(&self, payer: Payer, tokens: u32) -> Result<(), ProblemResponse> {
        let weight = if payer == Payer::Unnamed { 0 } else { tokens };
        self.payments.check_weighing(payer.address(), weight)
    }

    /// Counts what a payment that was [begun](Self::begin) turned out to be.
    pub fn known(&self, payer: Payer, tokens: u32, attempt: Attempt) {
        match (payer, attempt) {
            (Payer::Address(_), Attempt::Forged) | (Payer::Unnamed, Attempt::Fair) => {}
            (Payer::Address(address), _) => self.payments.take_back(address, tokens.saturating_sub(1)),
            // If there were too many meanwhile, the next one is told.
            (Payer::Unnamed, Attempt::Forged) => _ = self.payments.check_weighing(payer.address(), tokens),
            (Payer::Unnamed, Attempt::Refused) => _ = self.payments.check_weighing(payer.address(), 1),
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Limits {
        let config = r#"{"payments_per_minute": 1, "payments_burst": 3}"#;
        Limits::new(&serde_json::from_str(config).unwrap()).unwrap()
    }

    /// How many payments of two tokens begin, of eight.
    fn begun(payer: Payer, attempt: Attempt) -> usize {
        let limits = limits();
        let attempts = (0..8).filter(|_| {
            let begins = limits.begin(payer, 2).is_ok();
            if begins {
                limits.known(payer, 2, attempt);
            }
            begins
        });
        attempts.count()
    }

    #[test]
    fn who_has_an_address_is_counted_by_it_and_everybody_else_by_what_does_harm() {
        let reader = Payer::Address("203.0.113.7".parse().unwrap());
        for (payer, attempt, expected) in [
            (reader, Attempt::Fair, 3),
            (reader, Attempt::Refused, 3),
            (reader, Attempt::Forged, 2),
            (Payer::Unnamed, Attempt::Fair, 8),
            (Payer::Unnamed, Attempt::Refused, 3),
            (Payer::Unnamed, Attempt::Forged, 2),
        ] {
            assert_eq!(begun(payer, attempt), expected, "{payer:?} {attempt:?}");
        }
    }

    #[test]
    fn forged_tokens_without_an_address_are_nobody_elses_fault() {
        let limits = limits();
        limits.known(Payer::Unnamed, 100, Attempt::Forged);
        assert!(limits.begin(Payer::Unnamed, 1).is_err());
        assert!(limits.begin(Payer::Address("203.0.113.7".parse().unwrap()), 1).is_ok());
    }
}
