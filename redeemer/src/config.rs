//! The redeemer's configuration file.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use farthing_protocol::IssuerName;
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
use farthing_service::verification_key::VerificationKey;
use serde::Deserialize;

use crate::audit::AuditConfig;
use crate::ledger::{BasisPoints, HoldDays};
use crate::limits::LimitsConfig;

/// Every key of the file; `configs/redeemer.toml` explains them.
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
    retired_signing_keys: Vec<VerificationKey>,
    idempotency_secret: Option<SecretRef>,
    #[serde(default)]
    commission_basis_points: BasisPoints,
    #[serde(default)]
    payout_hold_days: HoldDays,
    #[serde(default)]
    limits: LimitsConfig,
    #[serde(default)]
    timeouts: Timeouts,
    audit: Option<AuditConfig>,
    traces: Option<TracesConfig>,
    #[serde(default)]
    log_format: LogFormat,
    #[serde(default)]
    log_level: LogLevel,
}

sort_keys!(ConfigKeys {
    running: [commission_basis_points, payout_hold_days, log_level],
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
        retired_signing_keys,
        idempotency_secret,
        log_format,
        audit,
        traces,
    ],
    tables: [limits, timeouts],
});

/// A configuration that has been checked, with every path resolved.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where the API is served.
    pub listen: SocketAddr,
    /// Its certificate, unless a proxy before it speaks TLS.
    pub tls: Option<TlsConfig>,
    /// Where metrics are served, if anywhere.
    pub metrics_listen: Option<SocketAddr>,
    /// Where commands reach the running service.
    pub admin_socket: PathBuf,
    /// The issuer whose tokens are taken.
    pub issuer_name: IssuerName,
    /// The directory of token keys.
    pub keyring: PathBuf,
    /// How often it is looked at.
    pub keyring_poll: Seconds<5>,
    /// Where records are kept.
    pub store: StoreSettings,
    /// The Ed25519 key that signs the totals, and for publishers receipts, balances, statements and lists of payouts.
    pub signing_key: SecretRef,
    /// The public keys of those that signed before it.
    pub retired_signing_keys: Vec<VerificationKey>,
    /// The key of the MACs under which answers are kept.
    pub idempotency_secret: SecretRef,
    /// The directory that secrets' relative paths begin at.
    pub base: PathBuf,
    /// The share of statements closed from now on that the operator keeps.
    pub commission: BasisPoints,
    /// Days after its last one for which a statement is held before it may be paid.
    pub payout_hold_days: u32,
    /// What anybody may ask.
    pub limits: LimitsConfig,
    /// How long anything may take.
    pub timeouts: Timeouts,
    /// Where the issuer's totals are, if the redeemer is to audit.
    pub audit: Option<AuditConfig>,
    /// Where traces are sent, if anywhere.
    pub traces: Option<TracesConfig>,
    /// How log lines look.
    pub log_format: LogFormat,
    /// What is logged.
    pub log_level: LogLevel,
    /// The file, and what it says: compared when it is read again.
    file: PathBuf,
    keys: ConfigKeys,
}

impl Config {
    fn resolve(path: &Path, keys: ConfigKeys) -> Self {
        let read = keys.clone();
        let base = config::base_directory(path).to_owned();
        let store = StoreSettings::new(keys.store, &base, keys.timeouts.store_ms.duration());
        let beside_store = |extension| store.secret(ServiceKind::Redeemer, extension);
        Self {
            listen: keys.listen,
            tls: keys.tls,
            metrics_listen: keys.metrics_listen,
            admin_socket: keys.admin_socket.resolve(&base),
            issuer_name: keys.issuer_name,
            keyring: keys.keyring.resolve(&base),
            keyring_poll: keys.keyring_poll_seconds,
            signing_key: keys.signing_key.unwrap_or_else(|| beside_store("signing-key")),
            retired_signing_keys: keys.retired_signing_keys,
            idempotency_secret: keys.idempotency_secret.unwrap_or_else(|| beside_store("idempotency-secret")),
            store,
            base,
            commission: keys.commission_basis_points,
            payout_hold_days: keys.payout_hold_days.get(),
            limits: keys.limits,
            timeouts: keys.timeouts,
            audit: keys.audit,
            traces: keys.traces,
            log_format: keys.log_format,
            log_level: keys.log_level,
            file: path.to_owned(),
            keys: read,
        }
    }
}

impl Configuration for Config {
    fn load(path: &Path) -> Result<Self, ConfigError> {
        Ok(Self::resolve(path, config::load(path)?))
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

    const SAMPLE: &str = include_str!("../../configs/redeemer.toml");

    fn parse(text: &str) -> Result<Config, ConfigError> {
        let path = Path::new("/etc/farthing/redeemer.toml");
        Ok(Config::resolve(path, config::parse(path, text)?))
    }

    #[test]
    fn the_sample_is_a_configuration() {
        let config = parse(SAMPLE).unwrap();
        assert_eq!(config.store.describe(), "/etc/farthing/data/redeemer.db");
        assert_eq!(config.admin_socket, Path::new("/etc/farthing/data/redeemer.sock"));
        assert_eq!(config.issuer_name.as_str(), "issuer.localhost");
        assert_eq!(format!("{:?}", config.limits), format!("{:?}", LimitsConfig::default()));
    }

    #[test]
    fn secrets_lie_beside_the_store_unless_said_otherwise() {
        let lines = SAMPLE
            .lines()
            .filter(|line| !line.starts_with("signing_key") && !line.starts_with("idempotency"));
        let config = parse(&lines.collect::<Vec<_>>().join("\n")).unwrap();
        let file = |name: &str| SecretRef::File(Path::new("/etc/farthing/data").join(name));
        assert_eq!(config.signing_key, file("redeemer.signing-key"));
        assert_eq!(config.idempotency_secret, file("redeemer.idempotency-secret"));
        let sample = parse(SAMPLE).unwrap();
        assert_eq!(sample.signing_key, SecretRef::parse("file:data/redeemer.signing-key").unwrap());
    }

    #[test]
    fn limits_and_the_log_level_change_while_it_runs() {
        let sample = parse(SAMPLE).unwrap();
        let differences = |from: &str, to: &str| {
            assert!(SAMPLE.contains(from), "{from}");
            let Differences { running, restart } =
                sample.differences(&parse(&SAMPLE.replacen(from, to, 1)).unwrap());
            (running.join(" "), restart.join(" "))
        };
        for (from, to, running, restart) in [
            ("store_ms = 2000", "# The default.", "", ""),
            ("\"info\"", "\"warn\"", "log_level", ""),
            ("basis_points = 0", "basis_points = 250", "commission_basis_points", ""),
            ("hold_days = 30", "hold_days = 0", "payout_hold_days", ""),
            ("_per_hour = 10000", "_per_hour = 1", "limits.invalid_tokens_per_hour", ""),
            ("connections = 10000", "connections = 1", "", "limits.connections"),
            ("127.0.0.1:8702", "127.0.0.1:1", "", "listen"),
            ("# retired_", "retired_", "", "retired_signing_keys"),
            ("store_ms = 2000", "store_ms = 1", "", "timeouts.store_ms"),
        ] {
            assert_eq!(differences(from, to), (running.to_owned(), restart.to_owned()));
        }
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
    fn the_samples_audit_is_a_table_once_it_is_no_comment() {
        assert!(parse(SAMPLE).unwrap().audit.is_none());
        let text = ["[audit]", "issuer_totals_url", "issuer_totals_key"]
            .iter()
            .fold(SAMPLE.to_owned(), |text, key| text.replacen(&format!("# {key}"), key, 1));
        assert!(parse(&text).unwrap().audit.is_some());
        for (from, to, key) in
            [("https://issuer", "issuer", "issuer_totals_url"), ("11qYAY", "11qYA", "issuer_totals_key")]
        {
            let error = parse(&text.replacen(from, to, 1)).unwrap_err().to_string();
            assert!(error.contains(&format!(": audit.{key}: ")), "{error}");
        }
    }

    #[test]
    fn a_mistake_is_one_line_that_names_the_key() {
        for (from, to, line) in [
            ("listen =", "listne =", "listne"),
            ("listen = \"127.0.0.1:8702\"", "listen = \"localhost\"", "listen"),
            ("\"issuer.localhost\"", "\"issuer localhost\"", "issuer_name"),
            ("\"embedded\"", "\"mongodb\"", "store.kind"),
            ("\"file:data/redeemer.idempotency-secret\"", "\"hunter2\"", "idempotency_secret"),
            ("store_ms = 2000", "store_ms = 0", "timeouts.store_ms"),
            ("requests_burst = 5000", "requests_burst = 0", "limits.requests_burst"),
            ("basis_points = 0", "basis_points = 10001", "commission_basis_points"),
            ("hold_days = 30", "hold_days = 366", "payout_hold_days"),
            ("# retired_signing_keys = [\"PU", "retired_signing_keys = [\"", "retired_signing_keys"),
        ] {
            let error = parse(&SAMPLE.replacen(from, to, 1)).unwrap_err().to_string();
            assert!(error.starts_with("/etc/farthing/redeemer.toml: ") && error.contains(line), "{error}");
            assert!(!error.contains('\n') && !error.contains("hunter2"), "{error}");
        }
    }
}
