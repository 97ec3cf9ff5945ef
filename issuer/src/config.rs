//! The issuer's configuration file.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use farthing_protocol::{Denomination, IssuerName, KeyEpoch};
use farthing_service::birth::ServiceKind;
use farthing_service::config::{self, ConfigError, ConfigPath};
use farthing_service::differences::{Compare, Differences};
use farthing_service::duration::Seconds;
use farthing_service::issuer_name;
use farthing_service::reload::Configuration;
use farthing_service::secret_ref::SecretRef;
use farthing_service::sort_keys;
use farthing_service::store_settings::{StoreConfig, StoreSettings};
use farthing_service::telemetry::{LogFormat, LogLevel};
use farthing_service::timeouts::Timeouts;
use farthing_service::tls::TlsConfig;
use farthing_service::traces::TracesConfig;
use serde::Deserialize;

use crate::limits::LimitsConfig;
use crate::pack::{Pack, PackKeys};

/// Every key of the file; `configs/issuer.toml` explains them.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct ConfigKeys {
    listen: SocketAddr,
    tls: Option<TlsConfig>,
    metrics_listen: Option<SocketAddr>,
    admin_socket: ConfigPath,
    #[serde(deserialize_with = "issuer_name::deserialize")]
    issuer_name: IssuerName,
    keyring: ConfigPath,
    #[serde(default)]
    keyring_poll_seconds: Seconds<5>,
    store: StoreConfig,
    signing_key: Option<SecretRef>,
    #[serde(default)]
    epoch: EpochConfig,
    #[serde(default = "default_order_days")]
    order_days: u32,
    #[serde(default)]
    limits: LimitsConfig,
    #[serde(default)]
    timeouts: Timeouts,
    traces: Option<TracesConfig>,
    #[serde(default)]
    log_format: LogFormat,
    #[serde(default)]
    log_level: LogLevel,
    #[serde(default)]
    pack: Vec<PackKeys>,
}

sort_keys!(ConfigKeys {
    running: [order_days, log_level, pack],
    restart: [
        listen,
        tls,
        metrics_listen,
        admin_socket,
        issuer_name,
        keyring,
        keyring_poll_seconds,
        store,
        signing_key,
        log_format,
        traces,
    ],
    tables: [epoch, limits, timeouts],
});

/// How long new keys live, and how much they are made for: the table `epoch`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EpochConfig {
    /// Days for which a key issues.
    pub issue_days: u32,
    /// Further days for which its tokens are taken.
    pub redeem_days: u32,
    /// Tokens that a key is expected to issue.
    pub capacity: u64,
}

sort_keys!(EpochConfig { running: [], restart: [issue_days, redeem_days, capacity], tables: [] });

impl Default for EpochConfig {
    fn default() -> Self {
        Self {
            issue_days: KeyEpoch::DEFAULT_ISSUE_DAYS,
            redeem_days: KeyEpoch::DEFAULT_REDEEM_DAYS,
            capacity: 10_000_000,
        }
    }
}

/// Days that an order may stay unpaid, the day on which it was made included.
const fn default_order_days() -> u32 {
    3
}

/// A configuration that has been checked, with every path resolved.
#[derive(Debug)]
pub struct Config {
    /// Where the API is served.
    pub listen: SocketAddr,
    /// Its certificate, unless a proxy before it speaks TLS.
    pub tls: Option<TlsConfig>,
    /// Where metrics are served, if anywhere.
    pub metrics_listen: Option<SocketAddr>,
    /// Where commands reach the running service.
    pub admin_socket: PathBuf,
    /// The name that challenges carry.
    pub issuer_name: IssuerName,
    /// The directory of token keys.
    pub keyring: PathBuf,
    /// How often it is looked at.
    pub keyring_poll: Seconds<5>,
    /// Where records are kept.
    pub store: StoreSettings,
    /// The Ed25519 key that signs totals.
    pub signing_key: SecretRef,
    /// The directory that secrets' relative paths begin at.
    pub base: PathBuf,
    /// How long new keys live.
    pub epoch: EpochConfig,
    /// Days that an order may stay unpaid.
    pub order_days: u32,
    /// What anybody may ask.
    pub limits: LimitsConfig,
    /// How long anything may take.
    pub timeouts: Timeouts,
    /// Where traces are sent, if anywhere.
    pub traces: Option<TracesConfig>,
    /// How log lines look.
    pub log_format: LogFormat,
    /// What is logged.
    pub log_level: LogLevel,
    /// What is for sale.
    pub packs: Vec<Pack>,
    /// The file, and what it says: compared when it is read again.
    file: PathBuf,
    keys: ConfigKeys,
}

impl Config {
    fn check(path: &Path, keys: ConfigKeys) -> Result<Self, ConfigError> {
        let read = keys.clone();
        let packs =
            Pack::check_all(&keys.pack).map_err(|fault| ConfigError::new(path, fault.key, fault.reason))?;
        let EpochConfig { issue_days, redeem_days, capacity } = keys.epoch;
        for (key, days, most) in [("issue_days", issue_days, 366), ("redeem_days", redeem_days, 3_660)] {
            if days == 0 || days > most {
                return Err(ConfigError::new(
                    path,
                    format!("epoch.{key}"),
                    format!("it has 1 to {most} days"),
                ));
            }
        }
        if capacity == 0 {
            return Err(ConfigError::new(path, "epoch.capacity", "a key is for at least 1 token"));
        }
        if keys.order_days == 0 || keys.order_days > 366 {
            return Err(ConfigError::new(path, "order_days", "an order may stay unpaid for 1 to 366 days"));
        }
        let base = config::base_directory(path).to_owned();
        let store = StoreSettings::new(keys.store, &base, keys.timeouts.store_ms.duration());
        Ok(Self {
            listen: keys.listen,
            tls: keys.tls,
            metrics_listen: keys.metrics_listen,
            admin_socket: keys.admin_socket.resolve(&base),
            issuer_name: keys.issuer_name,
            keyring: keys.keyring.resolve(&base),
            keyring_poll: keys.keyring_poll_seconds,
            signing_key: keys.signing_key.unwrap_or_else(|| store.secret(ServiceKind::Issuer, "signing-key")),
            store,
            base,
            epoch: keys.epoch,
            order_days: keys.order_days,
            limits: keys.limits,
            timeouts: keys.timeouts,
            traces: keys.traces,
            log_format: keys.log_format,
            log_level: keys.log_level,
            packs,
            file: path.to_owned(),
            keys: read,
        })
    }

    /// The denominations of what is for sale.
    pub fn denominations(&self) -> BTreeSet<Denomination> {
        self.packs.iter().map(Pack::denomination).collect()
    }

    /// The pack with an id.
    pub fn pack(&self, id: &str) -> Option<&Pack> {
        self.packs.iter().find(|pack| pack.id() == id)
    }
}

impl Configuration for Config {
    fn load(path: &Path) -> Result<Self, ConfigError> {
        Self::check(path, config::load(path)?)
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

    const SAMPLE: &str = include_str!("../../configs/issuer.toml");

    fn parse(text: &str) -> Result<Config, ConfigError> {
        let path = Path::new("/etc/farthing/issuer.toml");
        Config::check(path, config::parse(path, text)?)
    }

    #[test]
    fn the_sample_is_a_configuration() {
        let config = parse(SAMPLE).unwrap();
        assert_eq!(config.store.describe(), "/etc/farthing/data/issuer.db");
        assert_eq!(config.packs.len(), 1);
        assert_eq!(format!("{:?}", config.limits), format!("{:?}", LimitsConfig::default()));
        assert_eq!(config.pack("reader-100").unwrap().ordered().count, 100);
    }

    #[test]
    fn the_samples_traces_are_a_table_once_they_are_no_comment() {
        assert!(parse(SAMPLE).unwrap().traces.is_none());
        let text = ["[traces]", "otlp_endpoint", "traces_of_a_kind"]
            .iter()
            .fold(SAMPLE.to_owned(), |text, key| text.replacen(&format!("# {key}"), key, 1));
        assert!(parse(&text).unwrap().traces.is_some());
        let error = parse(&text.replacen("http://127", "grpc://127", 1)).unwrap_err().to_string();
        assert!(
            error.contains(": traces.otlp_endpoint: write the base URL") && !error.contains("grpc"),
            "{error}"
        );
    }

    #[test]
    fn a_mistake_is_one_line_that_names_the_key() {
        for (from, to, line) in [
            ("listen =", "listne =", "listne"),
            ("count = 100", "count = 0", "pack[0].count: a pack has 1 to 10000 tokens"),
            ("price_minor = 100", "price_minor = 99", "pack[0].price_minor: the price is below"),
            ("\"issuer.localhost\"", "\"issuer localhost\"", "issuer_name"),
            ("\"embedded\"", "\"mongodb\"", "store.kind"),
            (
                "pending_orders = 100000",
                "pending_orders = 0",
                "limits.pending_orders: it must be a nonzero u32",
            ),
            (
                "trusted_proxies = []",
                "trusted_proxies = [\"proxy\"]",
                "limits.trusted_proxies[0]: write an IP address",
            ),
        ] {
            let error = parse(&SAMPLE.replacen(from, to, 1)).unwrap_err().to_string();
            assert!(error.starts_with("/etc/farthing/issuer.toml: ") && error.contains(line), "{error}");
            assert!(!error.contains('\n'), "{error}");
        }
        let zero = format!("{SAMPLE}\n[epoch]\nissue_days = 0\n");
        assert!(parse(&zero).unwrap_err().to_string().ends_with("epoch.issue_days: it has 1 to 366 days"));
    }

    #[test]
    fn a_key_is_compared_by_what_it_means_and_sorted() {
        let sample = parse(SAMPLE).unwrap();
        let differences = |from: &str, to: &str| {
            assert!(SAMPLE.contains(from), "{from}");
            sample.differences(&parse(&SAMPLE.replacen(from, to, 1)).unwrap())
        };
        assert_eq!(differences("order_days = 3", "# The default."), Differences::default());
        for (from, to, key) in [
            ("order_days = 3", "order_days = 4", "order_days"),
            ("\"info\"", "\"warn\"", "log_level"),
            ("100 articles", "100 pages", "pack"),
            ("requests_burst = 200", "requests_burst = 300", "limits.requests_burst"),
            ("trusted_proxies = []", "trusted_proxies = [\"10.0.0.2\"]", "limits.trusted_proxies"),
        ] {
            assert_eq!(differences(from, to), Differences { running: vec![key.to_owned()], restart: vec![] });
        }
        for (from, to, key) in [
            ("127.0.0.1:8701", "127.0.0.1:8700", "listen"),
            ("data/issuer.db", "issuer.db", "store"),
            ("connections = 10000", "connections = 1", "limits.connections"),
            ("[limits]", "[timeouts]\nstore_ms = 1\n[limits]", "timeouts.store_ms"),
            ("[limits]", "[epoch]\nissue_days = 7\n[limits]", "epoch.issue_days"),
        ] {
            assert_eq!(differences(from, to), Differences { running: vec![], restart: vec![key.to_owned()] });
        }
    }
}
