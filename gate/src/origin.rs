use std::fmt;
use std::str::FromStr;

use http::Uri;
use http::uri::{Authority, PathAndQuery, Scheme};
use serde::de::{Deserialize, Deserializer, Error as _};
use thiserror::Error;

/// Where another server is: `http://127.0.0.1:8080`.
#[derive(Clone, PartialEq, Eq)]
pub struct Origin {
    scheme: Scheme,
    authority: Authority,
}

impl Origin {
    /// Whether it is reached over TLS.
    pub(crate) fn is_https(&self) -> bool {
        self.scheme == Scheme::HTTPS
    }

    /// The URL of a path there.
    pub(crate) fn url(&self, path: PathAndQuery) -> Uri {
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(self.scheme.clone());
        parts.authority = Some(self.authority.clone());
        parts.path_and_query = Some(path);
        // With all three parts there is nothing that could be wrong.
        Uri::from_parts(parts).unwrap_or_default()
    }
}

impl FromStr for Origin {
    type Err = InvalidOrigin;

    fn from_str(text: &str) -> Result<Self, InvalidOrigin> {
        let uri: Uri = text.parse().map_err(|_| InvalidOrigin)?;
        let bare = uri.path() == "/" && uri.query().is_none();
        let parts = uri.into_parts();
        match (parts.scheme, parts.authority) {
            (Some(scheme), Some(authority)) if bare => {
                let known = scheme == Scheme::HTTP || scheme == Scheme::HTTPS;
                let plain = !authority.as_str().contains('@') && !authority.host().is_empty();
                if known && plain { Ok(Self { scheme, authority }) } else { Err(InvalidOrigin) }
            }
            _ => Err(InvalidOrigin),
        }
    }
}

impl<'de> Deserialize<'de> for Origin {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.authority)
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Origin({self})")
    }
}

/// Text that is no [`Origin`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("write a URL such as \"http://127.0.0.1:8080\": http or https, a host, a port, and no path or user")]
pub struct InvalidOrigin;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_a_url_without_a_path() {
        let origin: Origin = "http://127.0.0.1:8080/".parse().unwrap();
        assert_eq!(origin.to_string(), "http://127.0.0.1:8080");
        assert_eq!(origin.url(PathAndQuery::from_static("/a?b")), "http://127.0.0.1:8080/a?b");
        assert!("https://site.example".parse::<Origin>().unwrap().is_https());
        for wrong in
            ["", "site.example", "ftp://a", "http://", "http://a/b", "http://a?b", "http://u@a", "/a"]
        {
            assert_eq!(wrong.parse::<Origin>(), Err(InvalidOrigin), "{wrong}");
        }
    }
}
