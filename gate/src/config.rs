//! The gate's configuration file.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use farthing_protocol::IssuerName;
use farthing_service::config::{self, ConfigError, ConfigPath};
use farthing_service::differences::{Compare, Differences};
use farthing_service::issuer_name;
use farthing_service::reload::Configuration;
use farthing_service::secret_ref::SecretRef;
use farthing_service::sort_keys;
use farthing_service::telemetry::{LogFormat, LogLevel};
use farthing_service::tls::TlsConfig;
use farthing_service::traces::TracesConfig;
use serde::Deserialize;

use crate::forward_auth::ForwardAuthConfig;
use crate::host::Host;
use crate::limits::LimitsConfig;
use crate::origin::Origin;
use crate::page::PageConfig;
use crate::prices::{PathPattern, Price, PriceList};
use crate::proxy::UpstreamConfig;
use crate::timeouts::TimeoutsConfig;

/// Every key of the file; `configs/gate.toml` explains them.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct ConfigKeys {
    listen: SocketAddr,
    tls: Option<TlsConfig>,
    metrics_listen: Option<SocketAddr>,
    admin_socket: ConfigPath,
    #[serde(deserialize_with = "issuer_name::deserialize")]
    issuer_name: IssuerName,
    secret: SecretRef,
    receipts: Option<ConfigPath>,
    redeemer: RedeemerConfig,
    upstream: Option<UpstreamConfig>,
    forward_auth: Option<ForwardAuthConfig>,
    #[serde(default)]
    hosts: Vec<Host>,
    #[serde(default)]
    free: Vec<PathPattern>,
    #[serde(default)]
    price: Vec<Price>,
    #[serde(default)]
    page: PageConfig,
    #[serde(default)]
    limits: LimitsConfig,
    #[serde(default)]
    timeouts: TimeoutsConfig,
    traces: Option<TracesConfig>,
    #[serde(default)]
    log_format: LogFormat,
    #[serde(default)]
    log_level: LogLevel,
}

sort_keys!(ConfigKeys {
    running: [hosts, free, price, page, log_level],
    restart: [
        listen,
        tls,
        metrics_listen,
        admin_socket,
        issuer_name,
        secret,
        receipts,
        redeemer,
        upstream,
        forward_auth,
        traces,
        log_format,
    ],
    tables: [limits, timeouts],
});

/// The table `redeemer`: who takes the tokens.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RedeemerConfig {
    /// Where it is.
    pub url: Origin,
    /// Where the publisher's API key is.
    pub api_key: SecretRef,
}

/// A configuration that has been checked, with every path resolved.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where readers, or the proxy before the gate, are answered.
    pub listen: SocketAddr,
    /// Its certificate, unless a proxy before it speaks TLS.
    pub tls: Option<TlsConfig>,
    /// Where metrics are served, if anywhere.
    pub metrics_listen: Option<SocketAddr>,
    /// Where commands reach the running gate.
    pub admin_socket: PathBuf,
    /// The issuer whose tokens are taken.
    pub issuer_name: IssuerName,
    /// The key that signs passes.
    pub secret: SecretRef,
    /// The directory in which receipts are kept, if they are.
    pub receipts: Option<PathBuf>,
    /// Who takes the tokens.
    pub redeemer: RedeemerConfig,
    /// The site, if the gate is its reverse proxy.
    pub upstream: Option<UpstreamConfig>,
    /// How a proxy asks the gate, if one does.
    pub forward_auth: Option<ForwardAuthConfig>,
    /// The sites that the gate stands before; any if there are none.
    pub hosts: Vec<Host>,
    /// What pages cost.
    pub prices: PriceList,
    /// In whose name readers are asked to pay.
    pub page: PageConfig,
    /// What anybody may ask.
    pub limits: LimitsConfig,
    /// How long anything may take.
    pub timeouts: TimeoutsConfig,
    /// Where traces are sent, if anywhere.
    pub traces: Option<TracesConfig>,
    /// The directory that secrets' relative paths begin at.
    pub base: PathBuf,
    /// How log lines look.
    pub log_format: LogFormat,
    /// What is logged.
    pub log_level: LogLevel,
    /// The file, and what it says: compared when it is read again.
    file: PathBuf,
    keys: ConfigKeys,
}

impl Config {
    fn resolve(path: &Path, keys: ConfigKeys) -> Result<Self, ConfigError> {
        check(&keys).map_err(|(key, reason)| ConfigError::new(path, key, reason))?;
        let read = keys.clone();
        let base = config::base_directory(path).to_owned();
        Ok(Self {
            listen: keys.listen,
            tls: keys.tls,
            metrics_listen: keys.metrics_listen,
            admin_socket: keys.admin_socket.resolve(&base),
            issuer_name: keys.issuer_name,
            secret: keys.secret,
            receipts: keys.receipts.map(|path| path.resolve(&base)),
            redeemer: keys.redeemer,
            upstream: keys.upstream,
            forward_auth: keys.forward_auth,
            hosts: keys.hosts,
            prices: PriceList { free: keys.free, prices: keys.price },
            page: keys.page,
            limits: keys.limits,
            timeouts: keys.timeouts,
            traces: keys.traces,
            base,
            log_format: keys.log_format,
            log_level: keys.log_level,
            file: path.to_owned(),
            keys: read,
        })
    }

    /// Whether the gate stands before this site.
    pub fn knows(&self, host: &Host) -> bool {
        self.hosts.is_empty() || self.hosts.contains(host)
    }
}

/// What shows only when keys are compared: which key, and how to mend it.
fn check(keys: &ConfigKeys) -> Result<(), (String, String)> {
    if keys.upstream.is_none() && keys.forward_auth.is_none() {
        let reason = "it is missing; add it, or `forward_auth` if another proxy stands before the site";
        return Err(("upstream".to_owned(), reason.to_owned()));
    }
    if let Some((key, reason)) = keys.page.fault() {
        return Err((key.to_owned(), reason));
    }
    for (index, price) in keys.price.iter().enumerate() {
        // Under a name that is in no list a priced page would be free.
        if price.host.as_ref().is_some_and(|host| !keys.hosts.contains(host)) {
            let reason = "this host is not in `hosts`; add it there, with every other name of the site";
            return Err((format!("price[{index}].host"), reason.to_owned()));
        }
    }
    Ok(())
}

impl Configuration for Config {
    fn load(path: &Path) -> Result<Self, ConfigError> {
        Self::resolve(path, config::load(path)?)
    }

    fn file(&self) -> &Path {
        &self.file
    }

    fn differences(&self, new: &Self) -> Differences {
        self.keys.differences(&new.keys)
    }

    fn log_level(&self) -> LogLevel {
        self.log_level
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = include_str!("../../configs/gate.toml");

    fn parse(text: &str) -> Result<Config, ConfigError> {
        let path = Path::new("/etc/farthing/gate.toml");
        Config::resolve(path, config::parse(path, text)?)
    }

    #[test]
    fn the_sample_is_a_configuration() {
        let config = parse(SAMPLE).unwrap();
        assert_eq!(config.admin_socket, Path::new("/etc/farthing/data/gate.sock"));
        assert_eq!(config.issuer_name.as_str(), "issuer.localhost");
        assert_eq!((config.prices.free.len(), config.prices.prices.len()), (2, 2));
        assert_eq!(config.limits, LimitsConfig::default());
        assert_eq!(config.timeouts, TimeoutsConfig::default());
        let page: PageConfig = serde_json::from_str(r#"{"name": "The Daily Example"}"#).unwrap();
        assert_eq!(config.page, page);
        assert!(config.upstream.is_some() && config.forward_auth.is_none());
    }

    #[test]
    fn the_samples_forward_auth_is_a_table_once_it_is_no_comment() {
        let text = ["[forward_auth]", "secret", "uri_header", "host_header"]
            .iter()
            .fold(SAMPLE.to_owned(), |text, key| text.replacen(&format!("# {key}"), key, 1));
        assert!(parse(&text).unwrap().forward_auth.is_some());
        let alone = text.replacen("[upstream]\nurl = \"http://127.0.0.1:8080\"", "", 1);
        assert!(parse(&alone).unwrap().upstream.is_none());
        let neither = SAMPLE.replacen("[upstream]\nurl = \"http://127.0.0.1:8080\"", "", 1);
        assert!(parse(&neither).unwrap_err().to_string().contains(": upstream: it is missing; add it, or"));
    }

    #[test]
    fn prices_change_while_it_runs() {
        let sample = parse(SAMPLE).unwrap();
        for (from, to, running, restart) in [
            ("price_micros = 10000", "price_micros = 20000", "price", ""),
            ("\"/assets/**\"", "\"/css/**\"", "free", ""),
            ("The Daily Example", "Daily", "page", ""),
            ("payments_burst = 60", "payments_burst = 6", "limits.payments_burst", ""),
            ("\"info\"", "\"warn\"", "log_level", ""),
            ("127.0.0.1:8703", "127.0.0.1:1", "", "listen"),
            ("127.0.0.1:8702", "127.0.0.1:1", "", "redeemer"),
            ("127.0.0.1:8080", "127.0.0.1:1", "", "upstream"),
        ] {
            assert!(SAMPLE.contains(from), "{from}");
            let found = sample.differences(&parse(&SAMPLE.replacen(from, to, 1)).unwrap());
            assert_eq!(
                (found.running.join(" "), found.restart.join(" ")),
                (running.to_owned(), restart.to_owned())
            );
        }
    }

    #[test]
    fn a_mistake_is_one_line_that_names_the_key_and_its_place() {
        for (from, to, line) in [
            ("\"/articles/*/**\"", "\"/articles*\"", "price[1].path: write \"/articles/*\""),
            ("\"/articles/*/**\"", "\"/articles/../x\"", "price[1].path: this is no path of a page"),
            ("price_micros = 10000", "price_micros = 0", "price[1].price_micros"),
            ("currency = \"EUR\"", "currency = \"EURO\"", "price[0].currency"),
            ("http://127.0.0.1:8702", "127.0.0.1:8702", "redeemer.url: write a URL"),
            ("\"file:data/gate.api-key\"", "\"fpk_hunter2\"", "redeemer.api_key"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080/site", "upstream.url"),
        ] {
            assert!(SAMPLE.contains(from), "{from}");
            let error = parse(&SAMPLE.replacen(from, to, 1)).unwrap_err().to_string();
            assert!(error.starts_with("/etc/farthing/gate.toml: line ") && error.contains(line), "{error}");
            assert!(!error.contains('\n') && !error.contains("hunter2"), "{error}");
        }
        let priced = SAMPLE.replacen(
            "path = \"/articles/*/**\"",
            "path = \"/articles/*/**\"\nhost = \"a.example\"",
            1,
        );
        let error = parse(&priced).unwrap_err().to_string();
        assert!(error.contains("price[1].host: this host is not in `hosts`"), "{error}");
        assert!(parse(&format!("hosts = [\"A.example\"]\n{priced}")).is_ok());
        let pale = SAMPLE.replacen("# accent = \"#0b4fb3\"", "accent = \"#ffff00\"", 1);
        assert!(parse(&pale).unwrap_err().to_string().contains("page.accent: "));
    }
}
