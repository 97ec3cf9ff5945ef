use std::str::FromStr;

use farthing_service::verification_key::VerificationKey;
use serde::de::{Deserialize, Deserializer, Error};
use ureq::http::Uri;

/// The table `audit`. Without it only the operator's command audits.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditConfig {
    /// Where the issuer publishes its totals, fetched once an hour.
    pub issuer_totals_url: Option<TotalsUrl>,
    /// The key that signs them.
    pub issuer_totals_key: VerificationKey,
}

/// Where totals are published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TotalsUrl(String);

/// Text that is no [`TotalsUrl`].
#[derive(Debug, thiserror::Error)]
#[error(
    "write where the issuer publishes its totals, such as \"https://issuer.example/v1/totals\": http or https, without \
     user name and fragment"
)]
pub struct InvalidTotalsUrl;

impl TotalsUrl {
    /// The URL.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TotalsUrl {
    type Err = InvalidTotalsUrl;

    fn from_str(text: &str) -> Result<Self, InvalidTotalsUrl> {
        let uri: Uri = text.parse().map_err(|_| InvalidTotalsUrl)?;
        let is_http = matches!(uri.scheme_str(), Some("http" | "https"));
        let has_host = uri.host().is_some_and(|host| !host.is_empty());
        if is_http && has_host && !text.contains(['@', '#']) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidTotalsUrl)
        }
    }
}

impl<'de> Deserialize<'de> for TotalsUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_are_at_a_url() {
        for url in ["https://issuer.example/v1/totals", "http://127.0.0.1:8701/v1/totals?x=1"] {
            assert_eq!(url.parse::<TotalsUrl>().unwrap().as_str(), url);
        }
        for wrong in ["", "issuer.example", "ftp://issuer.example/", "https://", "https://a@issuer.example/"]
        {
            assert!(wrong.parse::<TotalsUrl>().is_err(), "{wrong}");
        }
    }
}
