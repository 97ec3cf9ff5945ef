//! What a proxy says that asks for each request whether it is let through.

use std::fmt;

use actix_web::http::header::{HeaderMap, HeaderName};
use farthing_api::{Problem, ProblemKind};
use farthing_service::secret_ref::SecretRef;
use farthing_service::sort_keys;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::host::Host;
use crate::visit::{Visit, only};

/// Header with the secret that the gate shares with the proxy.
pub(crate) const SECRET_HEADER: &str = "farthing-proxy-secret";
/// Fewest characters of the secret.
const SHORTEST: usize = 16;

/// The table `forward_auth`: a proxy before the site asks the gate.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForwardAuthConfig {
    /// Where the secret is that the proxy sends.
    pub secret: SecretRef,
    /// The header in which the proxy sends path and query of the reader's request.
    #[serde(deserialize_with = "header_name")]
    pub uri_header: HeaderName,
    /// The header in which it sends its host.
    #[serde(deserialize_with = "header_name")]
    pub host_header: HeaderName,
}

sort_keys!(ForwardAuthConfig { running: [], restart: [secret, uri_header, host_header], tables: [] });

fn header_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<HeaderName, D::Error> {
    let text = String::deserialize(deserializer)?;
    let reserved = ["authorization", "cookie"].contains(&text.to_ascii_lowercase().as_str());
    HeaderName::from_bytes(text.as_bytes()).ok().filter(|_| !reserved).ok_or_else(|| {
        D::Error::custom("write the name of a header that the proxy sets, such as \"X-Original-URI\"")
    })
}

/// Reads what the proxy says, once it has shown the secret.
pub(crate) struct Asker {
    config: ForwardAuthConfig,
    /// SHA-256 of the secret.
    secret: [u8; 32],
}

impl Asker {
    /// Whoever knows `secret`.
    ///
    /// # Errors
    /// It is too short to be one.
    pub(crate) fn new(config: ForwardAuthConfig, secret: &str) -> Result<Self, ShortSecret> {
        if secret.len() < SHORTEST {
            return Err(ShortSecret);
        }
        Ok(Self { config, secret: Sha256::digest(secret).into() })
    }

    /// The header in which the proxy sends path and query.
    pub(crate) fn uri_header(&self) -> &str {
        self.config.uri_header.as_str()
    }

    /// The header in which it sends the host.
    pub(crate) fn host_header(&self) -> &str {
        self.config.host_header.as_str()
    }

    /// Whether a request comes from somebody who knows the secret.
    pub(crate) fn is_shown_secret(&self, headers: &HeaderMap) -> bool {
        let shown = only(headers, &HeaderName::from_static(SECRET_HEADER)).unwrap_or_default();
        let shown: [u8; 32] = Sha256::digest(shown).into();
        bool::from(shown.ct_eq(&self.secret))
    }

    /// The request of a reader that the proxy asks about.
    ///
    /// # Errors
    /// It does not know the secret, does not say which page, or the request is not in order. A proxy that does not say
    /// each exactly once has added its headers to the reader's, instead of overwriting them.
    pub(crate) fn read(&self, headers: &HeaderMap) -> Result<Visit, Problem> {
        if !self.is_shown_secret(headers) {
            let detail = "the site's proxy sends Farthing-Proxy-Secret as the gate's configuration has it; readers ask \
                          for the page itself";
            return Err(Problem::new(ProblemKind::ProxySecretWrong, detail).in_field("Farthing-Proxy-Secret"));
        }
        let said = |name: &HeaderName| {
            only(headers, name).ok_or_else(|| {
                let detail =
                    "the proxy must send this header exactly once, and overwrite what a reader sends";
                Problem::new(ProblemKind::BadRequest, detail).in_field(name.as_str())
            })
        };
        let host = Host::of_authority(said(&self.config.host_header)?).map_err(|error| {
            Problem::new(ProblemKind::BadRequest, error.to_string())
                .in_field(self.config.host_header.as_str())
        })?;
        Visit::read(host, said(&self.config.uri_header)?, headers)
    }
}

impl fmt::Debug for Asker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asker").field("config", &self.config).finish_non_exhaustive()
    }
}

/// A secret that can be guessed.
#[derive(Debug, thiserror::Error)]
#[error("a secret has {SHORTEST} characters or more; `farthing-gate init` makes one")]
pub(crate) struct ShortSecret;

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    const SECRET: &str = "correct horse battery";

    fn read(headers: &[(&str, &str)]) -> Result<String, (String, String)> {
        let config: ForwardAuthConfig = serde_json::from_str(
            r#"{"secret": "env:X", "uri_header": "X-Original-URI", "host_header": "X-Forwarded-Host"}"#,
        )
        .unwrap();
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name.parse().unwrap(), HeaderValue::from_str(value).unwrap());
        }
        let asker = Asker::new(config, SECRET).unwrap();
        asker
            .read(&map)
            .map(|visit| format!("{}{}", visit.host, visit.path_and_query()))
            .map_err(|problem| (problem.kind, problem.field.unwrap_or_default()))
    }

    #[test]
    fn who_knows_the_secret_says_which_page() {
        let headers = [
            ("Farthing-Proxy-Secret", SECRET),
            ("X-Original-URI", "/articles/7?x=1"),
            ("X-Forwarded-Host", "News.example:443"),
        ];
        assert_eq!(read(&headers).as_deref(), Ok("news.example/articles/7?x=1"));
    }

    #[test]
    fn everybody_else_learns_nothing() {
        let page = [("X-Original-URI", "/a"), ("X-Forwarded-Host", "news.example")];
        for secret in [&[][..], &["wrong"], &[SECRET, SECRET], &["correct horse batter"]] {
            let mut headers = page.to_vec();
            headers.extend(secret.iter().map(|secret| ("Farthing-Proxy-Secret", *secret)));
            assert_eq!(read(&headers).unwrap_err().0, ProblemKind::ProxySecretWrong.uri());
        }
    }

    #[test]
    fn what_the_proxy_says_must_be_its_own() {
        let known = ("Farthing-Proxy-Secret", SECRET);
        let (uri, host) = (("X-Original-URI", "/a"), ("X-Forwarded-Host", "news.example"));
        for (headers, field) in [
            (vec![known, host], "x-original-uri"),
            (vec![known, uri], "x-forwarded-host"),
            (vec![known, uri, uri, host], "x-original-uri"),
            (vec![known, uri, host, host], "x-forwarded-host"),
            (vec![known, uri, ("X-Forwarded-Host", "a b")], "x-forwarded-host"),
            (vec![known, ("X-Original-URI", "/free/../a"), host], "path"),
            (vec![known, ("X-Original-URI", "https://news.example/a"), host], "path"),
        ] {
            assert_eq!(read(&headers).unwrap_err().1, field);
        }
    }

    #[test]
    fn a_short_secret_is_none() {
        let config = r#"{"secret": "env:X", "uri_header": "X-A", "host_header": "X-B"}"#;
        assert!(Asker::new(serde_json::from_str(config).unwrap(), "hunter2").is_err());
        assert!(serde_json::from_str::<ForwardAuthConfig>(&config.replace("X-A", "Cookie")).is_err());
        assert!(serde_json::from_str::<ForwardAuthConfig>(&config.replace("X-A", "a b")).is_err());
    }
}
