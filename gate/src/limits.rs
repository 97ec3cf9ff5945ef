//! What anybody may ask of the gate: counted in memory, and forgotten hourly.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use actix_web::http::header::HeaderMap;
use farthing_api::ProblemKind;
use farthing_service::count::Count;
use farthing_service::network::Network;
use farthing_service::problem::ProblemResponse;
use farthing_service::rate_limit::{RateLimiter, Rates};
use farthing_service::sort_keys;
use serde::Deserialize;

/// How often old counts are looked for.
const FORGETTING: Duration = Duration::from_mins(1);

/// Most tokens under way at a time of all payers without an address: they are looked at together before it is known that
/// they are forged, and the redeemer takes 10,000 forged ones an hour from a publisher, unless its operator says otherwise.
const MOST_UNNAMED: u32 = 2_000;

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
    /// Tokens that are under way of payers without an address.
    unnamed: AtomicU32,
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
    /// One of a reader, taken or not: whatever is not forged.
    Fair,
    /// Forged. The redeemer counts each such token, and takes none from a publisher after too many.
    Forged,
}

/// A payment that is under way. Until it is [known](Self::known) that its tokens are not forged, each of them counts.
#[derive(Debug)]
#[must_use]
pub struct Begun {
    limits: Arc<Limits>,
    payer: Payer,
    tokens: u32,
    attempt: Attempt,
}

impl Begun {
    /// Counts what the payment turned out to be.
    pub fn known(mut self, attempt: Attempt) {
        self.attempt = attempt;
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        let Self { ref limits, payer, tokens, attempt } = *self;
        match (payer, attempt) {
            (Payer::Address(address), Attempt::Fair) => {
                limits.payments.take_back(address, tokens.saturating_sub(1));
            }
            // If there were too many meanwhile, the next one is told.
            (Payer::Unnamed, Attempt::Forged) => limits.payments.add(payer.address(), tokens),
            (Payer::Address(_), Attempt::Forged) | (Payer::Unnamed, Attempt::Fair) => {}
        }
        if payer == Payer::Unnamed {
            limits.unnamed.fetch_sub(tokens, Ordering::Relaxed);
        }
    }
}

impl Limits {
    /// Nothing is counted yet.
    ///
    /// # Errors
    /// The system gave no randomness.
    pub fn new(config: &LimitsConfig) -> Result<Self, getrandom::Error> {
        Ok(Self { payments: RateLimiter::new(config.rates())?, unnamed: AtomicU32::new(0) })
    }

    /// Who pays with a request from `peer`. One that is `proven` to be the site's proxy says for whom it asks.
    pub fn payer(&self, peer: Option<IpAddr>, headers: &HeaderMap, proven: bool) -> Payer {
        self.payments.client(peer, headers, proven).map_or(Payer::Unnamed, Payer::Address)
    }

    /// Counts a payment of so many `tokens`.
    ///
    /// # Errors
    /// 429 when there were too many before, or, of payers without an address, when too many are under way.
    pub fn begin(self: &Arc<Self>, payer: Payer, tokens: u32) -> Result<Begun, ProblemResponse> {
        let weight = if payer == Payer::Unnamed { 0 } else { tokens };
        self.payments.check_weighing(payer.address(), weight)?;
        if payer == Payer::Unnamed {
            let more = |under_way: u32| {
                under_way.checked_add(tokens).filter(|sum| under_way == 0 || *sum <= MOST_UNNAMED)
            };
            let counted = self.unnamed.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
            counted.map_err(|_| {
                let detail = "too many payments are under way; repeat this one, which is safe";
                ProblemResponse::new(ProblemKind::TooManyRequests, detail).retry_after(1)
            })?;
        }
        Ok(Begun { limits: Arc::clone(self), payer, tokens, attempt: Attempt::Forged })
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

    fn limits() -> Arc<Limits> {
        let config = r#"{"payments_per_minute": 1, "payments_burst": 3}"#;
        Arc::new(Limits::new(&serde_json::from_str(config).unwrap()).unwrap())
    }

    /// How many payments of two tokens begin, of eight.
    fn begun(payer: Payer, attempt: Attempt) -> usize {
        let limits = limits();
        let attempts = (0..8).filter(|_| {
            limits.begin(payer, 2).is_ok_and(|begun| {
                begun.known(attempt);
                true
            })
        });
        attempts.count()
    }

    #[test]
    fn who_has_an_address_is_counted_by_it_and_everybody_else_by_what_does_harm() {
        let reader = Payer::Address("203.0.113.7".parse().unwrap());
        for (payer, attempt, expected) in [
            (reader, Attempt::Fair, 3),
            (reader, Attempt::Forged, 2),
            (Payer::Unnamed, Attempt::Fair, 8),
            (Payer::Unnamed, Attempt::Forged, 2),
        ] {
            assert_eq!(begun(payer, attempt), expected, "{payer:?} {attempt:?}");
        }
    }

    #[test]
    fn forged_tokens_without_an_address_are_nobody_elses_fault() {
        let limits = limits();
        limits.begin(Payer::Unnamed, 100).unwrap().known(Attempt::Forged);
        assert!(limits.begin(Payer::Unnamed, 1).is_err());
        assert!(limits.begin(Payer::Address("203.0.113.7".parse().unwrap()), 1).is_ok());
    }

    #[test]
    fn a_wave_of_payments_without_an_address_is_broken() {
        let limits = limits();
        let wave: Vec<_> = (0..4).filter_map(|_| limits.begin(Payer::Unnamed, 1_000).ok()).collect();
        assert_eq!(wave.len(), 2);
        for begun in wave {
            begun.known(Attempt::Fair);
        }
        assert!(limits.begin(Payer::Unnamed, 1_000).is_ok(), "they were fair");
    }
}
