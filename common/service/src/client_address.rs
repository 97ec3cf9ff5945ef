//! Which address a request counts for. It is used at once and kept nowhere.

use std::net::{IpAddr, SocketAddr};

use actix_web::http::header::{HeaderMap, X_FORWARDED_FOR};

use crate::network::Network;

/// The address that a request from `peer` counts for; `None` when it comes from this machine, whose own programs and
/// tests nobody needs to be protected from.
///
/// If the peer is one of the `trusted` proxies, it is the last address in `X-Forwarded-For` that is not one itself:
/// what stands before that was written by somebody else. A trusted proxy that names nobody counts itself.
/// A `proven` peer has shown otherwise that it is a trusted proxy.
pub(crate) fn client_address(
    peer: IpAddr,
    headers: &HeaderMap,
    trusted: &[Network],
    proven: bool,
) -> Option<IpAddr> {
    let peer = peer.to_canonical();
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
    let client =
        if proven || is_trusted(peer) { forwarded(headers, is_trusted).unwrap_or(peer) } else { peer };
    let is_own = peer.is_loopback() && client.is_loopback();
    (!is_own).then_some(client)
}

/// The last address that `X-Forwarded-For` gives and that is not trusted, or the first if all are; `None` when there is
/// none before something that is no address.
fn forwarded(headers: &HeaderMap, is_trusted: impl Fn(IpAddr) -> bool) -> Option<IpAddr> {
    let lines: Vec<_> = headers.get_all(X_FORWARDED_FOR).collect();
    let mut first = None;
    for line in lines.into_iter().rev() {
        for entry in line.to_str().ok()?.rsplit(',') {
            let address = parse(entry.trim())?.to_canonical();
            if !is_trusted(address) {
                return Some(address);
            }
            first = Some(address);
        }
    }
    first
}

/// An address, with or without a port or brackets: proxies differ.
fn parse(entry: &str) -> Option<IpAddr> {
    let bare = entry.strip_prefix('[').and_then(|entry| entry.strip_suffix(']')).unwrap_or(entry);
    bare.parse().ok().or_else(|| entry.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    #[test]
    fn only_a_trusted_proxy_speaks_for_others() {
        let remote = Some("203.0.113.7");
        for (peer, forwarded, trusted, client) in [
            ("203.0.113.7", &[][..], &[][..], remote),
            ("::ffff:203.0.113.7", &[], &[], remote),
            ("203.0.113.7", &["198.51.100.1"], &[], remote),
            ("203.0.113.7", &["198.51.100.1"], &["10.0.0.0/8"], remote),
            ("10.0.0.2", &["198.51.100.1, 203.0.113.7"], &["10.0.0.0/8"], remote),
            ("10.0.0.2", &["198.51.100.1", "203.0.113.7"], &["10.0.0.0/8"], remote),
            ("10.0.0.2", &["198.51.100.1, 203.0.113.7, 10.0.0.3"], &["10.0.0.0/8"], remote),
            ("10.0.0.2", &["203.0.113.7:1234"], &["10.0.0.0/8"], remote),
            ("10.0.0.2", &["[2001:db8::1]"], &["10.0.0.0/8"], Some("2001:db8::1")),
            ("10.0.0.2", &["[2001:db8::1]:80"], &["10.0.0.0/8"], Some("2001:db8::1")),
            ("10.0.0.2", &["203.0.113.7, unknown"], &["10.0.0.0/8"], Some("10.0.0.2")),
            ("10.0.0.2", &["10.0.0.9, 10.0.0.3"], &["10.0.0.0/8"], Some("10.0.0.9")),
            ("10.0.0.2", &[], &["10.0.0.0/8"], Some("10.0.0.2")),
            // A proxy elsewhere may not make its clients ours.
            ("10.0.0.2", &["127.0.0.1"], &["10.0.0.0/8"], Some("127.0.0.1")),
            ("127.0.0.1", &[], &[], None),
            ("127.0.0.1", &["203.0.113.7"], &[], None),
            ("127.0.0.1", &[], &["127.0.0.1"], None),
            ("127.0.0.1", &["203.0.113.7"], &["127.0.0.1"], remote),
            ("::1", &["203.0.113.7"], &["::1"], remote),
        ] {
            let mut headers = HeaderMap::new();
            for line in forwarded {
                headers.append(X_FORWARDED_FOR, HeaderValue::from_static(line));
            }
            let trusted: Vec<Network> = trusted.iter().map(|network| network.parse().unwrap()).collect();
            assert_eq!(
                client_address(peer.parse().unwrap(), &headers, &trusted, false),
                client.map(|client| client.parse().unwrap()),
                "{peer} {forwarded:?} {trusted:?}"
            );
        }
        let mut headers = HeaderMap::new();
        headers.append(X_FORWARDED_FOR, HeaderValue::from_static("198.51.100.1, 203.0.113.7"));
        for peer in ["127.0.0.1", "10.0.0.2"] {
            let proven = client_address(peer.parse().unwrap(), &headers, &[], true);
            assert_eq!(proven, remote.map(|client| client.parse().unwrap()), "{peer}");
        }
    }
}
