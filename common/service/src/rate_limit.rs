//! How many requests an address may make. Addresses are kept as salted hashes, in memory only; once an hour the salt
//! and every count are forgotten.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use actix_web::body::BoxBody;
use actix_web::dev::{HttpServiceFactory, ServiceRequest};
use actix_web::http::header::HeaderMap;
use actix_web::middleware::{Next, from_fn};
use actix_web::web;
use arc_swap::ArcSwap;
use farthing_api::ProblemKind;
use sha2::{Digest, Sha256};

use crate::client_address::client_address;
use crate::network::Network;
use crate::problem::ProblemResponse;

/// How long a salt is used.
const HOUR: Duration = Duration::from_hours(1);
/// Most addresses that are counted at a time, about 3 MB. Beyond them a new address is not limited: limits by address
/// do not stop whoever has that many, and refusing everybody else would do their work.
const MOST_ADDRESSES: usize = 65_536;
/// When that many are counted, how often those that have nothing against them are looked for.
const SWEEP: Duration = Duration::from_secs(1);

/// What an address may do.
#[derive(Debug, Clone)]
pub struct Rates {
    /// Requests in a minute, in the long run; at least 1.
    pub per_minute: u32,
    /// Requests at once; at least 1.
    pub burst: u32,
    /// The proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Network>,
}

/// Counts requests by address.
pub struct RateLimiter {
    trusted_proxies: ArcSwap<Vec<Network>>,
    counts: Mutex<Counts>,
}

/// What an address may do, in time.
#[derive(Clone, Copy)]
struct Pace {
    /// Between two requests in the long run.
    interval: Duration,
    /// How far ahead of that an address may be.
    lead: Duration,
}

impl Pace {
    fn of(rates: &Rates) -> Self {
        let interval = Duration::from_mins(1) / rates.per_minute.max(1);
        Self { interval, lead: interval * (rates.burst.max(1) - 1) }
    }

    /// How far ahead an address is at this pace whose requests put it so far `ahead` at another.
    fn ahead_from(self, other: Self, ahead: Duration) -> Duration {
        let nanos = ahead.as_nanos() * self.interval.as_nanos() / other.interval.as_nanos();
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

/// What one hour knows.
struct Counts {
    pace: Pace,
    salt: [u8; 32],
    began: Instant,
    swept: Instant,
    /// For each address, how long after `began` its next request would be due if it made them evenly.
    due: HashMap<[u8; 16], Duration>,
}

impl RateLimiter {
    /// A limiter that knows nobody.
    ///
    /// # Errors
    /// The system gave no randomness.
    pub fn new(rates: Rates) -> Result<Self, getrandom::Error> {
        let pace = Pace::of(&rates);
        let mut salt = [0; 32];
        getrandom::fill(&mut salt)?;
        let now = Instant::now();
        Ok(Self {
            trusted_proxies: ArcSwap::from_pointee(rates.trusted_proxies),
            counts: Mutex::new(Counts { pace, salt, began: now, swept: now, due: HashMap::new() }),
        })
    }

    /// Allows other rates from now on. The requests that an address has made still count against it.
    pub fn set_rates(&self, rates: Rates) {
        self.set_pace(Pace::of(&rates), Instant::now());
        self.trusted_proxies.store(Arc::new(rates.trusted_proxies));
    }

    fn set_pace(&self, pace: Pace, now: Instant) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let (old, elapsed) = (counts.pace, now.saturating_duration_since(counts.began));
        for due in counts.due.values_mut() {
            *due = elapsed + pace.ahead_from(old, due.saturating_sub(elapsed));
        }
        counts.pace = pace;
    }

    /// Counts a request as so many; if there were too many before, how long to wait for the next.
    fn admit(&self, address: IpAddr, weight: u32, now: Instant) -> Result<(), Duration> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.forget_old(now);
        let name = counts.name(address);
        let elapsed = now.saturating_duration_since(counts.began);
        let due = counts.due.get(&name).copied().unwrap_or_default().max(elapsed);
        let ahead = due.saturating_sub(elapsed);
        let Pace { interval, lead } = counts.pace;
        if ahead > lead {
            return Err(ahead.saturating_sub(lead));
        }
        if counts.has_room(&name, now, elapsed) {
            counts.due.insert(name, due + interval * weight);
        }
        Ok(())
    }

    /// Forgets what an hour that is over has counted, although nobody asks any more.
    pub fn forget_old(&self, now: Instant) {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).forget_old(now);
    }

    /// Counts a request that came from `peer` with these headers.
    ///
    /// # Errors
    /// 429 when it is one too many.
    pub fn check(&self, peer: Option<IpAddr>, headers: &HeaderMap) -> Result<(), ProblemResponse> {
        self.refusal(peer, headers).map_or(Ok(()), Err)
    }

    /// The address that a request from `peer` counts for; `None` when it comes from this machine. A `proven` peer has shown
    /// that it is one of the trusted proxies.
    pub fn client(&self, peer: Option<IpAddr>, headers: &HeaderMap, proven: bool) -> Option<IpAddr> {
        client_address(peer?, headers, &self.trusted_proxies.load(), proven)
    }

    /// Counts a request of `address` as so many until [`Self::take_back`] says that it was less; as none, it is only asked
    /// whether there were too many before.
    ///
    /// # Errors
    /// 429 when there were.
    pub fn check_weighing(&self, address: IpAddr, weight: u32) -> Result<(), ProblemResponse> {
        self.admit(address, weight, Instant::now()).map_err(too_many)
    }

    /// Counts so many more, although there may have been too many before.
    pub fn add(&self, address: IpAddr, weight: u32) {
        let now = Instant::now();
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.forget_old(now);
        let (name, elapsed) = (counts.name(address), now.saturating_duration_since(counts.began));
        let due = counts.due.get(&name).copied().unwrap_or_default().max(elapsed);
        if counts.has_room(&name, now, elapsed) {
            let more = counts.pace.interval * weight;
            counts.due.insert(name, due + more);
        }
    }

    /// Counts so many less, of what the hour knows.
    pub fn take_back(&self, address: IpAddr, weight: u32) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let (name, interval) = (counts.name(address), counts.pace.interval);
        if let Some(due) = counts.due.get_mut(&name) {
            *due = due.saturating_sub(interval * weight);
        }
    }

    /// The answer to a request that is one too many.
    fn refusal(&self, peer: Option<IpAddr>, headers: &HeaderMap) -> Option<ProblemResponse> {
        let address = self.client(peer, headers, false)?;
        self.admit(address, 1, Instant::now()).err().map(too_many)
    }
}

/// The answer to who must wait for so long.
fn too_many(wait: Duration) -> ProblemResponse {
    let detail = "your network address makes more requests than are answered; send fewer, and repeat this one \
                  after the seconds in Retry-After, which is safe";
    ProblemResponse::new(ProblemKind::TooManyRequests, detail).retry_after(wait.as_secs() + 1)
}

impl Counts {
    /// Once an hour: another salt, and nobody known. The salt is hashed on, so that even without fresh randomness
    /// nobody goes back to the last one.
    fn forget_old(&mut self, now: Instant) {
        if now.saturating_duration_since(self.began) >= HOUR {
            let mut fresh = [0; 32];
            let _ = getrandom::fill(&mut fresh);
            let salt = Sha256::new().chain_update(self.salt).chain_update(fresh).finalize();
            *self = Self { pace: self.pace, salt: salt.into(), began: now, swept: now, due: HashMap::new() };
        }
    }

    /// What an address is called this hour. Whoever has an IPv6 address usually has the 2^64 around it.
    fn name(&self, address: IpAddr) -> [u8; 16] {
        let bits = match address.to_canonical() {
            IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
            IpAddr::V6(address) => address.to_bits() >> 64 << 64,
        };
        let hash = Sha256::new().chain_update(self.salt).chain_update(bits.to_be_bytes()).finalize();
        let mut name = [0; 16];
        name.copy_from_slice(&hash[..16]);
        name
    }

    /// Whether an address is counted or can be.
    fn has_room(&mut self, name: &[u8; 16], now: Instant, elapsed: Duration) -> bool {
        let is_full = self.due.len() >= MOST_ADDRESSES && !self.due.contains_key(name);
        if is_full && now.saturating_duration_since(self.swept) >= SWEEP {
            // Who could make all requests at once again is as good as unknown.
            self.due.retain(|_, due| *due > elapsed);
            self.swept = now;
        }
        !is_full || self.due.len() < MOST_ADDRESSES
    }
}

impl fmt::Debug for RateLimiter {
    /// Shows nothing of whom it has counted.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RateLimiter(..)")
    }
}

/// The paths that `configure` adds, limited by `limiter`, and with them every path that is not there. What must answer
/// whoever asks, such as health, is added before it.
pub(crate) fn limited(
    limiter: &Arc<RateLimiter>,
    configure: impl FnOnce(&mut web::ServiceConfig),
) -> impl HttpServiceFactory + 'static {
    let limiter = Arc::clone(limiter);
    web::scope("").configure(configure).wrap(from_fn(move |request: ServiceRequest, next: Next<BoxBody>| {
        let peer = request.peer_addr().map(|peer| peer.ip());
        let refusal = limiter.refusal(peer, request.headers());
        async move {
            match refusal {
                Some(problem) => Ok(request.error_response(problem)),
                None => next.call(request).await,
            }
        }
    }))
}

#[cfg(test)]
#[path = "rate_limit_tests.rs"]
mod tests;
