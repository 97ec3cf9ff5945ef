//! The table `traces` of a service's configuration.

use std::fmt;
use std::str::FromStr;

use serde::de::{Deserialize, Deserializer, Error as _, Unexpected};
use ureq::http::Uri;

use crate::metrics::STEP;

/// Most traces that may be kept of a kind: of everything that a service can be asked, some 10 MB.
const MOST: u64 = 1_000;

/// The table `traces`. Without it there are none.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TracesConfig {
    /// The collector.
    pub(super) otlp_endpoint: Endpoint,
    /// How many traces are kept of each route, method and class of status in an hour.
    #[serde(default)]
    pub(super) traces_of_a_kind: TracesOfAKind,
}

/// The base URL of a collector that speaks OTLP over HTTP.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Endpoint(String);

impl Endpoint {
    /// Where traces are posted.
    pub(super) fn traces_url(&self) -> String {
        format!("{}/v1/traces", self.0)
    }
}

/// Text that is no [`Endpoint`].
#[derive(Debug, thiserror::Error)]
#[error(
    "write the base URL of an OTLP collector, such as \"http://127.0.0.1:4318\": http or https, without user name, \
     query and fragment"
)]
pub(super) struct InvalidEndpoint;

impl FromStr for Endpoint {
    type Err = InvalidEndpoint;

    fn from_str(text: &str) -> Result<Self, InvalidEndpoint> {
        let uri: Uri = text.parse().map_err(|_| InvalidEndpoint)?;
        let is_http = matches!(uri.scheme_str(), Some("http" | "https"));
        let has_host = uri.host().is_some_and(|host| !host.is_empty());
        if is_http && has_host && !text.contains(['@', '?', '#']) {
            Ok(Self(text.trim_end_matches('/').to_owned()))
        } else {
            Err(InvalidEndpoint)
        }
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Endpoint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// 10 to 1,000 traces; 10 when the configuration says nothing, so that an hour has ten of a kind or none: that is no
/// count of purchases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TracesOfAKind(u16);

impl TracesOfAKind {
    /// The number.
    pub(super) fn get(self) -> usize {
        self.0.into()
    }
}

impl Default for TracesOfAKind {
    fn default() -> Self {
        Self(10)
    }
}

impl<'de> Deserialize<'de> for TracesOfAKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = u64::deserialize(deserializer)?;
        let kept = u16::try_from(number).ok().filter(|kept| (STEP..=MOST).contains(&u64::from(*kept)));
        let expected = "a whole number from 10 to 1000, since traces are sent in tens";
        kept.map(Self).ok_or_else(|| D::Error::invalid_value(Unexpected::Unsigned(number), &expected))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[derive(Debug, serde::Deserialize)]
    struct File {
        traces: Option<TracesConfig>,
    }

    fn parse(text: &str) -> Result<Option<TracesConfig>, String> {
        let parsed = crate::config::parse::<File>(Path::new("issuer.toml"), text);
        parsed.map(|file| file.traces).map_err(|error| error.to_string())
    }

    #[test]
    fn traces_are_off_unless_there_is_an_endpoint() {
        assert_eq!(parse("").unwrap(), None);
        let config = parse("[traces]\notlp_endpoint = \"http://127.0.0.1:4318\"").unwrap().unwrap();
        assert_eq!(config.otlp_endpoint.traces_url(), "http://127.0.0.1:4318/v1/traces");
        assert_eq!(config.traces_of_a_kind.get(), 10);
        let text = "[traces]\notlp_endpoint = \"https://collector.example/otlp/\"\ntraces_of_a_kind = 1000";
        let config = parse(text).unwrap().unwrap();
        assert_eq!(config.otlp_endpoint.traces_url(), "https://collector.example/otlp/v1/traces");
        assert_eq!(config.traces_of_a_kind.get(), 1_000);
    }

    #[test]
    fn each_mistake_is_one_line_without_the_value() {
        let endpoint = "issuer.toml: line 2: traces.otlp_endpoint: write the base URL of an OTLP collector, such as \
                        \"http://127.0.0.1:4318\": http or https, without user name, query and fragment";
        for url in [
            "127.0.0.1:4318",
            "grpc://127.0.0.1:4317",
            "http://me:hunter2@127.0.0.1:4318",
            "http://127.0.0.1:4318/?key=hunter2",
            "http://",
            "",
        ] {
            assert_eq!(
                parse(&format!("[traces]\notlp_endpoint = \"{url}\"")).unwrap_err(),
                endpoint,
                "{url}"
            );
        }
        for (text, line) in [
            ("[traces]\n", "issuer.toml: line 1: traces.otlp_endpoint: it is missing; add it"),
            (
                "[traces]\notlp_endpoint = \"http://[::1]:4318\"\ntraces_of_a_kind = 9",
                "issuer.toml: line 3: traces.traces_of_a_kind: it must be a whole number from 10 to 1000, since \
                 traces are sent in tens",
            ),
            (
                "[traces]\nendpoint = \"http://[::1]:4318\"",
                "issuer.toml: line 2: traces.endpoint: there is no such key; remove it or write \
                 `otlp_endpoint` or `traces_of_a_kind`",
            ),
        ] {
            assert_eq!(parse(text).unwrap_err(), line);
        }
    }
}
