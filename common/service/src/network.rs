//! Networks as configuration names them.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::de::{Deserialize, Deserializer, Error as _};

/// Some IP addresses: `10.0.0.0/8`, `fd00::/8`, or one address. IPv4 addresses written as IPv6 ones are the same.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Network {
    /// The bits that every address begins with, the others zero.
    first: u128,
    /// How many bits, of 128, those are.
    length: u32,
}

impl Network {
    /// Whether an address belongs to it.
    pub fn contains(self, address: IpAddr) -> bool {
        begin(wide(address), self.length) == self.first
    }
}

/// Text that names no network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("write an IP address such as \"10.0.0.2\", or a network such as \"10.0.0.0/8\" or \"fd00::/8\"")]
pub struct InvalidNetwork;

impl FromStr for Network {
    type Err = InvalidNetwork;

    fn from_str(text: &str) -> Result<Self, InvalidNetwork> {
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length.parse::<u32>().map_err(|_| InvalidNetwork)?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| InvalidNetwork)?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let length = length.unwrap_or(most);
        if length > most {
            return Err(InvalidNetwork);
        }
        let length = length + 128 - most;
        Ok(Self { first: begin(wide(address), length), length })
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", std::net::Ipv6Addr::from_bits(self.first), self.length)
    }
}

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// The address as IPv6 has it.
fn wide(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

/// The first `length` bits, the others zero.
fn begin(bits: u128, length: u32) -> u128 {
    u128::MAX.checked_shl(128 - length).map_or(0, |mask| bits & mask)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_contains_what_begins_alike() {
        for (network, address, contained) in [
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("10.0.0.0/8", "::ffff:10.0.0.1", true),
            ("10.1.2.3", "10.1.2.3", true),
            ("10.1.2.3", "10.1.2.4", false),
            ("10.1.2.3/8", "10.9.9.9", true),
            ("fd00::/8", "fdff::1", true),
            ("fd00::/8", "fe00::1", false),
            ("0.0.0.0/0", "203.0.113.7", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("::/0", "203.0.113.7", true),
            ("::1", "::1", true),
        ] {
            let parsed: Network = network.parse().unwrap();
            assert_eq!(parsed.contains(address.parse().unwrap()), contained, "{network} {address}");
        }
        for wrong in ["", "10.0.0.0/33", "::/129", "10.0.0.0/-1", "10.0.0/8", "proxy", "10.0.0.0/"] {
            assert_eq!(wrong.parse::<Network>(), Err(InvalidNetwork), "{wrong}");
        }
        let read = serde_json::from_str::<Network>("\"proxy\"").unwrap_err().to_string();
        assert!(read.contains("write an IP address such as"), "{read}");
    }
}
