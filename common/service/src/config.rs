//! Reading a service's configuration file: TOML, in which every key is known and every mistake is one line that
//! says which file, which key, what is wrong and how to mend it.
//!
//! A service has one struct with `#[serde(deny_unknown_fields)]` that lists every key; the types here are the
//! fields that both services share.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};

use crate::decoding::Fault;

/// Reads the configuration file at `path`.
///
/// # Errors
/// When the file cannot be read, is not TOML, or has an unknown, missing or wrong key. Values are never quoted.
pub fn load<T: DeserializeOwned>(path: &Path) -> Result<T, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|error| ConfigError {
        file: path.to_owned(),
        line: None,
        key: None,
        reason: format!("the file cannot be read: {error}; name another with --config FILE"),
    })?;
    parse(path, &text)
}

/// Reads `text` as the configuration file at `path`.
///
/// # Errors
/// As [`load`].
pub fn parse<T: DeserializeOwned>(path: &Path, text: &str) -> Result<T, ConfigError> {
    let at = |error: &toml::de::Error| {
        error.span().and_then(|span| text.get(..span.start)).map(|before| before.matches('\n').count() + 1)
    };
    let document = toml::Deserializer::parse(text).map_err(|error| ConfigError {
        file: path.to_owned(),
        line: at(&error),
        key: None,
        reason: format!("this is not TOML: {}", error.message().replace('\n', "; ")),
    })?;
    serde_path_to_error::deserialize(document).map_err(|error| {
        let fault = Fault::new(error.path(), error.inner().message());
        let mut reason = fault.reason.replace("no such member", "no such key");
        if reason == "invalid socket address syntax" {
            reason = String::from(
                "it must be an address with a port, such as \"127.0.0.1:8701\" or \"[::1]:8701\"",
            );
        }
        // A key that is missing from the file as a whole has no line.
        let nowhere = fault.missing && fault.member.as_ref().is_some_and(|key| !key.contains('.'));
        let line = if nowhere { None } else { at(error.inner()) };
        ConfigError { file: path.to_owned(), line, key: fault.member, reason }
    })
}

/// The directory against which the paths in the configuration file at `path` are resolved.
pub fn base_directory(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// A mistake in a configuration file. Shown as `FILE: line N: KEY: REASON`, in one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    file: PathBuf,
    line: Option<usize>,
    key: Option<String>,
    reason: String,
}

impl ConfigError {
    /// A mistake that shows only when values are compared: what is wrong with `key`, and how to mend it.
    pub fn new(file: &Path, key: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line: None, key: Some(key.into()), reason: reason.into() }
    }
}

impl std::error::Error for ConfigError {}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        if let Some(key) = &self.key {
            write!(f, "{key}: ")?;
        }
        f.write_str(&self.reason)
    }
}

/// A path as the configuration gives it; not empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigPath(PathBuf);

impl ConfigPath {
    /// The path, a relative one taken from `base`, the configuration file's directory.
    pub fn resolve(&self, base: &Path) -> PathBuf {
        base.join(&self.0)
    }
}

impl<'de> Deserialize<'de> for ConfigPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let path = PathBuf::deserialize(deserializer)?;
        if path.as_os_str().is_empty() {
            return Err(D::Error::custom("the path is empty; name a file or directory"));
        }
        Ok(Self(path))
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use farthing_protocol::IssuerName;

    use super::*;
    use crate::duration::Seconds;
    use crate::secret_ref::SecretRef;
    use crate::store_settings::StoreConfig;
    use crate::telemetry::{LogFormat, LogLevel};
    use crate::timeouts::Timeouts;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code, reason = "only read through Debug")]
    struct Sample {
        listen: SocketAddr,
        metrics_listen: Option<SocketAddr>,
        #[serde(deserialize_with = "crate::issuer_name::deserialize")]
        issuer_name: IssuerName,
        store: StoreConfig,
        signing_key: SecretRef,
        #[serde(default)]
        keyring_poll_seconds: Seconds<5>,
        #[serde(default)]
        timeouts: Timeouts,
        #[serde(default)]
        log_format: LogFormat,
        #[serde(default)]
        log_level: LogLevel,
        #[serde(default)]
        pack: Vec<Pack>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code, reason = "only read through Debug")]
    struct Pack {
        count: u32,
    }

    const GOOD: &str = r#"
listen = "127.0.0.1:8701"
issuer_name = "issuer.localhost"
store = { kind = "embedded", path = "data/issuer.db" }
signing_key = "file:data/signing.key"
"#;

    fn line(text: &str) -> String {
        parse::<Sample>(Path::new("etc/issuer.toml"), text).unwrap_err().to_string()
    }

    #[test]
    fn defaults_stand_in_for_what_is_left_out() {
        let sample: Sample = parse(Path::new("issuer.toml"), GOOD).unwrap();
        assert_eq!(sample.timeouts, Timeouts::default());
        assert_eq!(sample.timeouts.store_ms.duration().as_millis(), 2000);
        assert_eq!(sample.keyring_poll_seconds.duration().as_secs(), 5);
    }

    #[test]
    fn relative_paths_start_at_the_file() {
        let store = parse::<Sample>(Path::new("x"), GOOD).unwrap().store;
        let StoreConfig::Embedded { path } = store else { panic!("{store:?}") };
        let base = |file| base_directory(Path::new(file)).to_owned();
        assert_eq!(
            path.resolve(&base("/etc/farthing/issuer.toml")),
            Path::new("/etc/farthing/data/issuer.db")
        );
        assert_eq!(path.resolve(&base("issuer.toml")), Path::new("./data/issuer.db"));
        let absolute = ConfigPath("/var/x".into());
        assert_eq!(absolute.resolve(&base("/etc/issuer.toml")), Path::new("/var/x"));
    }

    #[test]
    fn each_mistake_is_one_line_that_says_where_and_how_to_mend_it() {
        let replaced = |from: &str, to: &str| line(&GOOD.replace(from, to));
        let added = |text: &str| line(&format!("{GOOD}{text}"));
        for (shown, expected) in [
            (
                replaced("listen =", "listn ="),
                "line 2: listn: there is no such key; remove it or write one of `listen`, `metrics_listen`, \
                 `issuer_name`, `store`, `signing_key`, `keyring_poll_seconds`, `timeouts`, `log_format`, \
                 `log_level`, `pack`",
            ),
            (replaced("listen = \"127.0.0.1:8701\"", ""), "listen: it is missing; add it"),
            (
                replaced("127.0.0.1:8701", "localhost"),
                "line 2: listen: it must be an address with a port, such as \"127.0.0.1:8701\" or \"[::1]:8701\"",
            ),
            (replaced("\"127.0.0.1:8701\"", "8701"), "line 2: listen: it must be socket address"),
            (
                replaced("issuer.localhost", "Issuer"),
                "line 3: issuer_name: an issuer name is a host name such as \"issuer.example\" or \
                 \"issuer.example:8443\": its host is labels of lower-case letters, digits and inner dashes between \
                 dots",
            ),
            (replaced("\"embedded\"", "\"mongodb\""), "line 4: store.kind: it must be `embedded` or `redis`"),
            (
                replaced("\"embedded\"", "\"redis\""),
                "line 4: store: the Redis store has no key `path`; remove it",
            ),
            (
                replaced("path =", "pass ="),
                "line 4: store.pass: there is no such key; remove it or write one of `kind`, `path`, `url`, \
                 `sentinels`, `master`, `user`, `sentinel_password`, `cluster`, `password`, `weak_durability`, \
                 `replicas`",
            ),
            (
                replaced("\"embedded\", path = \"data/issuer.db\"", "\"redis\""),
                "line 4: store: the Redis store needs the key `url`, such as \"redis://127.0.0.1:6379\", or \
                 `sentinels`, or `cluster`; add it",
            ),
            (
                replaced("\"embedded\", path = \"data/issuer.db\"", "\"redis\", sentinels = [\"redis://a\"]"),
                "line 4: store: with `sentinels` the key `master` is needed, their name for the servers; add it",
            ),
            (
                replaced("\"embedded\", path", "\"redis\", cluster = [\"redis://a\"], master = \"m\", url"),
                "line 4: store: it has more than one of `url`, `sentinels` and `cluster`; keep one",
            ),
            (
                replaced(", path = \"data/issuer.db\"", ""),
                "line 4: store: the embedded store needs the key `path`; add the database file's",
            ),
            (
                replaced("data/issuer.db", ""),
                "line 4: store.path: the path is empty; name a file or directory",
            ),
            (
                replaced("file:data/signing.key", "hunter2"),
                "line 5: signing_key: a secret is named, not given: write \"file:PATH\" or \"env:NAME\"",
            ),
            (
                added("log_level = \"loud\""),
                "line 6: log_level: it must be one of `error`, `warn`, `info`, `debug`, `trace`",
            ),
            (
                added("timeouts = { store_ms = 0 }"),
                "line 6: timeouts.store_ms: it must be a whole number of milliseconds from 1 to 86400000",
            ),
            (added("[[pack]]\ncount = 1\n[[pack]]\n"), "line 8: pack[1].count: it is missing; add it"),
            (added("[[pack]]\ncount = \"x\""), "line 7: pack[0].count: it must be u32"),
        ] {
            assert_eq!(shown, format!("etc/issuer.toml: {expected}"));
        }
    }

    #[test]
    fn text_that_is_not_toml_is_one_line_too() {
        let shown = line("listen = \"127.0.0.1:8701\"\nstore = {");
        assert!(shown.starts_with("etc/issuer.toml: line 2: this is not TOML: "), "{shown}");
        assert!(!shown.contains('\n'), "{shown}");
    }

    #[test]
    fn an_unreadable_file_and_a_mistake_found_later_are_lines() {
        let error = load::<Sample>(Path::new("/nonexistent/issuer.toml")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "/nonexistent/issuer.toml: the file cannot be read: No such file or directory (os error 2); name another \
             with --config FILE"
        );
        let later =
            ConfigError::new(Path::new("issuer.toml"), "pack[0].price_minor", "it is below face value");
        assert_eq!(later.to_string(), "issuer.toml: pack[0].price_minor: it is below face value");
    }
}
