use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ureq::Error;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

/// Finds this machine without asking anybody: `localhost` and the names below it are its own (RFC 6761), and a name
/// server that is asked for them could answer with another machine, to which `http` would then send secrets.
#[derive(Debug)]
pub(crate) struct LoopbackResolver;

impl Resolver for LoopbackResolver {
    fn resolve(
        &self,
        uri: &Uri,
        _config: &Config,
        _timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        let host = uri.host().unwrap_or_default();
        let port = uri.port_u16().unwrap_or(if uri.scheme_str() == Some("https") { 443 } else { 80 });
        let mut found = self.empty();
        match host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
            Ok(address) if address.is_loopback() => found.push(SocketAddr::new(address, port)),
            Ok(_) => return Err(Error::HostNotFound),
            Err(_) => {
                found.push(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port));
                found.push(SocketAddr::new(Ipv6Addr::LOCALHOST.into(), port));
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use ureq::Timeout;
    use ureq::unversioned::transport::time::Duration;

    use super::*;

    fn resolve(uri: &str) -> Result<Vec<String>, Error> {
        let timeout =
            NextTimeout { after: Duration::NotHappening, reason: Timeout::Global, ..NextTimeout::default() };
        let found = LoopbackResolver.resolve(&uri.parse().unwrap(), &Config::default(), timeout)?;
        Ok(found.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn every_name_of_this_machine_is_this_machine() {
        for (uri, addresses) in [
            ("http://localhost:8701/", &["127.0.0.1:8701", "[::1]:8701"][..]),
            ("http://issuer.localhost/", &["127.0.0.1:80", "[::1]:80"]),
            ("https://issuer.localhost./", &["127.0.0.1:443", "[::1]:443"]),
            ("http://127.8.9.10:8701/", &["127.8.9.10:8701"]),
            ("http://[::1]:8701/", &["[::1]:8701"]),
        ] {
            assert_eq!(resolve(uri).unwrap(), addresses, "{uri}");
        }
        assert!(resolve("http://192.0.2.1/").is_err());
    }
}
