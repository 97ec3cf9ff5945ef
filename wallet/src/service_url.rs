use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use url::{Host, Url};

/// Where an issuer or a redeemer is reached: an origin, that is scheme, host and port.
///
/// `https` only. `http` is taken for this machine (`localhost`, names below it, `127.0.0.0/8`, `::1`), where nobody
/// listens in between, and for `.onion`, whose names are keys.
#[derive(Clone, PartialEq, Eq)]
pub struct ServiceUrl(Url);

/// Why a URL is not one of a service.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ServiceUrlError {
    /// Not a URL at all.
    #[error("`{text}` is not a URL: {reason}; write it like https://issuer.example")]
    Unreadable {
        /// What was given.
        text: String,
        /// What the parser said.
        reason: String,
    },
    /// A scheme other than `http` and `https`.
    #[error("`{text}` has the scheme `{scheme}`; write it like https://issuer.example")]
    Scheme {
        /// What was given.
        text: String,
        /// Its scheme.
        scheme: String,
    },
    /// `http` to a host elsewhere.
    #[error("`{text}` would send secrets unencrypted: use https (http is for localhost and .onion only)")]
    Insecure {
        /// What was given.
        text: String,
    },
    /// More than scheme, host and port.
    #[error("`{text}` has a {part}: give scheme, host and port alone, like https://issuer.example:8443")]
    NotAnOrigin {
        /// What was given, without its password.
        text: String,
        /// What is too much.
        part: &'static str,
    },
    /// A directory that points away from its own origin.
    #[error(
        "the directory of {origin} sends token requests to {target}, another origin: refused, because the request \
         carries the claim secret"
    )]
    ForeignOrigin {
        /// Where the directory came from.
        origin: String,
        /// Where it points.
        target: String,
    },
}

impl ServiceUrl {
    /// Parses an origin, with or without a trailing slash.
    ///
    /// # Errors
    ///
    /// [`ServiceUrlError`] says what to write instead.
    pub fn parse(text: &str) -> Result<Self, ServiceUrlError> {
        let url = Url::parse(text.trim()).map_err(|error| ServiceUrlError::Unreadable {
            text: text.to_owned(),
            reason: error.to_string(),
        })?;
        let not_an_origin = |part| {
            let mut shown = url.clone();
            // A URL that cannot have a password has none to hide.
            let _ = shown.set_password(None);
            Err(ServiceUrlError::NotAnOrigin { text: shown.into(), part })
        };
        match url.scheme() {
            "https" => {}
            "http" if is_loopback(&url) || is_onion(&url) => {}
            "http" => return Err(ServiceUrlError::Insecure { text: text.to_owned() }),
            scheme => {
                return Err(ServiceUrlError::Scheme { text: text.to_owned(), scheme: scheme.to_owned() });
            }
        }
        if !url.username().is_empty() || url.password().is_some() {
            return not_an_origin("user name");
        }
        if url.path() != "/" {
            return not_an_origin("path");
        }
        if url.query().is_some() {
            return not_an_origin("query");
        }
        if url.fragment().is_some() {
            return not_an_origin("fragment");
        }
        Ok(Self(url))
    }

    /// The origin without a trailing slash, like `https://issuer.example:8443`.
    pub fn origin(&self) -> String {
        self.0.origin().ascii_serialization()
    }

    /// The host, and the port unless it is 443, of an `https` URL: the name that an issuer there must have (RFC 9577).
    pub fn https_authority(&self) -> Option<String> {
        let host = self.0.host_str().filter(|_| self.0.scheme() == "https")?;
        Some(self.0.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")))
    }

    /// The URL of an absolute path (which starts with `/`) at this origin.
    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.origin())
    }

    /// Resolves `reference`, absolute or relative, as found in the document at `base_path` of this origin.
    ///
    /// # Errors
    ///
    /// [`ServiceUrlError::Unreadable`], or [`ServiceUrlError::ForeignOrigin`] when it leaves the origin.
    pub fn resolve(&self, base_path: &str, reference: &str) -> Result<String, ServiceUrlError> {
        let unreadable = |error: url::ParseError| ServiceUrlError::Unreadable {
            text: reference.to_owned(),
            reason: error.to_string(),
        };
        let base = self.0.join(base_path).map_err(unreadable)?;
        let mut target = base.join(reference).map_err(unreadable)?;
        if target.origin() != self.0.origin() || !target.username().is_empty() || target.password().is_some()
        {
            return Err(ServiceUrlError::ForeignOrigin {
                origin: self.origin(),
                target: target.origin().ascii_serialization(),
            });
        }
        target.set_fragment(None);
        Ok(target.into())
    }
}

/// Whether a URL names this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            name == "localhost" || name.ends_with(".localhost")
        }
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Whether a URL names a Tor onion service.
pub(crate) fn is_onion(url: &Url) -> bool {
    url.domain().is_some_and(|name| name.trim_end_matches('.').rsplit('.').next() == Some("onion"))
}

impl fmt::Display for ServiceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.origin())
    }
}

impl fmt::Debug for ServiceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServiceUrl({self})")
    }
}

impl std::str::FromStr for ServiceUrl {
    type Err = ServiceUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl Serialize for ServiceUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.origin())
    }
}

impl<'de> Deserialize<'de> for ServiceUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn https_everywhere_and_http_only_where_nobody_is_in_between() {
        for (text, origin) in [
            ("https://issuer.example", "https://issuer.example"),
            ("https://issuer.example/", "https://issuer.example"),
            ("HTTPS://Issuer.Example:443/", "https://issuer.example"),
            ("https://issuer.example:8443", "https://issuer.example:8443"),
            ("https://192.0.2.1", "https://192.0.2.1"),
            ("http://localhost:8701", "http://localhost:8701"),
            ("http://issuer.localhost:8701", "http://issuer.localhost:8701"),
            ("http://127.0.0.1:8701", "http://127.0.0.1:8701"),
            ("http://127.8.9.10", "http://127.8.9.10"),
            ("http://[::1]:8701", "http://[::1]:8701"),
            ("http://farthingabcdefgh.onion", "http://farthingabcdefgh.onion"),
        ] {
            assert_eq!(ServiceUrl::parse(text).unwrap().origin(), origin, "{text}");
        }
        for text in [
            "http://issuer.example",
            "http://localhost.example",
            "http://notlocalhost",
            "http://onion.example",
            "http://128.0.0.1",
            "http://0.0.0.0:8701",
            "http://[::2]",
            "http://[::ffff:127.0.0.1]",
        ] {
            assert!(matches!(ServiceUrl::parse(text), Err(ServiceUrlError::Insecure { .. })), "{text}");
        }
    }

    #[test]
    fn only_origins_are_services() {
        for (text, wanted) in [
            ("https://issuer.example/api", "path"),
            ("https://issuer.example/?a=1", "query"),
            ("https://issuer.example/#top", "fragment"),
            ("https://user@issuer.example/", "user name"),
            ("https://user:hunter2@issuer.example/", "user name"),
        ] {
            match ServiceUrl::parse(text) {
                Err(ServiceUrlError::NotAnOrigin { part, text }) => {
                    assert_eq!(part, wanted);
                    assert!(!text.contains("hunter2"));
                }
                other => panic!("{text}: {other:?}"),
            }
        }
        for text in ["", "issuer.example", "ftp://issuer.example", "file:///etc/passwd", "https://"] {
            assert!(ServiceUrl::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_request_uri_stays_on_the_origin_of_its_directory() {
        let issuer = ServiceUrl::parse("https://issuer.example:8443").unwrap();
        let directory = "/.well-known/private-token-issuer-directory";
        for (reference, url) in [
            ("/token-request", "https://issuer.example:8443/token-request"),
            ("token-request", "https://issuer.example:8443/.well-known/token-request"),
            ("https://issuer.example:8443/v2/t?x=1", "https://issuer.example:8443/v2/t?x=1"),
        ] {
            assert_eq!(issuer.resolve(directory, reference).unwrap(), url);
        }
        for reference in [
            "https://issuer.example/token-request",
            "http://issuer.example:8443/token-request",
            "//evil.example/token-request",
            "https://user@issuer.example:8443/",
            "data:,x",
        ] {
            assert!(
                matches!(issuer.resolve(directory, reference), Err(ServiceUrlError::ForeignOrigin { .. })),
                "{reference}"
            );
        }
    }
}
