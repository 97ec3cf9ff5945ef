//! The issuer's name, as strictly as a configuration may give it.

use farthing_protocol::IssuerName;
use serde::{Deserialize, Deserializer, de};

/// The longest host name with a port in bytes.
const LONGEST: usize = 255;

/// Reads the name of an issuer, for `#[serde(deserialize_with = "farthing_service::issuer_name::deserialize")]`.
///
/// On the wire an issuer name is almost any text. Ours are a host name, in lower case so that one issuer has one
/// name, with a port if it is not 443; 1 to 255 bytes.
///
/// # Errors
/// Says which rule the name breaks.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<IssuerName, D::Error> {
    parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
}

/// Reads the name of an issuer.
///
/// # Errors
/// Says which rule the name breaks.
pub fn parse(name: &str) -> Result<IssuerName, InvalidIssuerName> {
    let (host, port) = match name.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (name, None),
    };
    if port.is_some_and(|port| !is_port(port)) {
        return Err(InvalidIssuerName("a port is a number from 1 to 65535"));
    }
    if !host.split('.').all(is_label) {
        return Err(InvalidIssuerName(
            "its host is labels of lower-case letters, digits and inner dashes between dots",
        ));
    }
    match IssuerName::new(name) {
        Ok(name) if name.as_str().len() <= LONGEST => Ok(name),
        _ => Err(InvalidIssuerName("it has 1 to 255 bytes")),
    }
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0') && text.parse::<u16>().is_ok()
}

fn is_label(text: &str) -> bool {
    let alphabet = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=63).contains(&text.len())
        && text.bytes().all(alphabet)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// What is wrong with an issuer name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an issuer name is a host name such as \"issuer.example\" or \"issuer.example:8443\": {0}")]
pub struct InvalidIssuerName(&'static str);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_names_with_and_without_port_are_names() {
        for name in ["issuer.localhost", "a", "issuer.example:8443", "xn--bcher-kva.example", "127.0.0.1:1"] {
            assert_eq!(parse(name).unwrap().as_str(), name);
        }
        let longest = [&"a".repeat(63)[..]; 4].join(".");
        assert_eq!(longest.len(), 255);
        parse(&longest).unwrap();
    }

    #[test]
    fn everything_else_is_refused() {
        let too_long = format!("{}.a", "a.".repeat(127));
        for name in [
            "",
            "a..b",
            ".a",
            "a.",
            "a:",
            "a:0",
            "a:065",
            "a:65536",
            "a:1:2",
            "a:+1",
            "-a",
            "a-",
            "A.example",
            "b\u{fc}cher.example",
            "https://a",
            "a b",
            "a,b",
            &"a".repeat(64),
            &too_long,
        ] {
            assert!(parse(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn the_error_says_the_form() {
        assert_eq!(
            parse("https://a").unwrap_err().to_string(),
            "an issuer name is a host name such as \"issuer.example\" or \"issuer.example:8443\": a port is a \
             number from 1 to 65535"
        );
    }
}
