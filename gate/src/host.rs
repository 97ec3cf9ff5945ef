use std::fmt;
use std::str::FromStr;

use farthing_service::same_origin;
use serde::de::{Deserialize, Deserializer, Error as _};
use thiserror::Error;

/// The host of a site, as prices and passes name it: in lower case, without a port, without a dot at its end.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Host(String);

impl Host {
    /// The host of an authority, `HOST` or `HOST:PORT`, as a request's header `Host` has it.
    ///
    /// # Errors
    /// [`InvalidHost`] when it is neither.
    pub fn of_authority(authority: &str) -> Result<Self, InvalidHost> {
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, Some(port)),
            _ => (authority, None),
        };
        if port.is_some_and(|port| port.len() > 5 || !port.bytes().all(|byte| byte.is_ascii_digit())) {
            return Err(InvalidHost);
        }
        host.parse()
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether nobody can listen in on the way there, even without a certificate: it is this machine under one of its usual
    /// names, or an onion service.
    pub fn is_safe_without_tls(&self) -> bool {
        same_origin::is_safe_without_tls(&self.0)
    }
}

impl FromStr for Host {
    type Err = InvalidHost;

    fn from_str(text: &str) -> Result<Self, InvalidHost> {
        let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        let is_address = |inner: &str| inner.parse::<std::net::Ipv6Addr>().is_ok();
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let is_label = |label: &str| !label.is_empty() && label.bytes().all(allowed);
        let inner = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let is_valid = inner.map_or_else(|| name.split('.').all(is_label), is_address);
        if is_valid && name.len() <= 253 { Ok(Self(name)) } else { Err(InvalidHost) }
    }
}

impl<'de> Deserialize<'de> for Host {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Host({self})")
    }
}

/// Text that is no host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a host is a name such as \"news.example\" or an address, without a port")]
pub struct InvalidHost;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_site_has_one_host() {
        for (authority, host) in [
            ("news.example", "news.example"),
            ("News.Example:8443", "news.example"),
            ("news.example.", "news.example"),
            ("news.example.:80", "news.example"),
            ("127.0.0.1:1", "127.0.0.1"),
            ("[::1]", "[::1]"),
            ("[::1]:8080", "[::1]"),
        ] {
            assert_eq!(Host::of_authority(authority).unwrap().as_str(), host);
        }
        for wrong in
            ["", ".", "a..b", "a b", "user@news.example", "a:b", "a:123456", "[::1", "[x]", "a/b", "a,b"]
        {
            assert_eq!(Host::of_authority(wrong), Err(InvalidHost), "{wrong}");
        }
        for (host, safe) in [
            ("localhost", true),
            ("a.localhost", true),
            ("127.0.0.1", true),
            ("a.onion", true),
            ("onion.example", false),
        ] {
            assert_eq!(host.parse::<Host>().unwrap().is_safe_without_tls(), safe, "{host}");
        }
        assert!("news.example:80".parse::<Host>().is_err(), "the configuration names no port");
    }
}
