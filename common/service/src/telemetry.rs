//! Log lines on standard error.
//!
//! What is never logged, at any level: client addresses, tokens, nonces, elements, order ids, claims, bodies, and a
//! line for each request. Foreign crates are heard only when they warn, whatever the level: the HTTP crates write
//! whole headers at their finer levels. Those parts of them that warn of single requests are not heard at all.

use std::io::{self, IsTerminal};
use std::sync::OnceLock;

use serde::Deserialize;
use tracing::{Level, Metadata};
use tracing_subscriber::filter::{EnvFilter, FilterExt, ParseError, filter_fn};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::registry::Registry;
use tracing_subscriber::reload;
use tracing_subscriber::util::SubscriberInitExt;

/// How log lines look: the key `log_format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// The least level that is logged: the key `log_level`. A greater one logs more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogLevel {
    /// What needs the operator at once.
    Error,
    /// What needs the operator some day.
    Warn,
    /// Start, stop, and changes of keys.
    #[default]
    Info,
    /// More, for debugging.
    Debug,
    /// Everything.
    Trace,
}

impl LogLevel {
    fn directive(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

/// Where the level of the lines that are written can be changed, once logging was started.
static FILTER: OnceLock<LevelFilter> = OnceLock::new();

/// What decides which lines are written.
#[derive(Debug)]
enum LevelFilter {
    /// `RUST_LOG`, for as long as the process lives.
    Environment,
    /// The configuration.
    Configured(reload::Handle<EnvFilter, Registry>),
}

/// What came of [`set_level`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LevelSet {
    /// The level is in force.
    Done,
    /// `RUST_LOG` was set at the start, and keeps its place.
    Overruled,
}

/// Starts logging to standard error. The environment variable `RUST_LOG` takes the place of `level`. Later calls do
/// nothing, so that tests may start it as often as they like.
///
/// # Errors
/// When `RUST_LOG` is not a list of filters.
pub fn init(format: LogFormat, level: LogLevel) -> Result<(), TelemetryError> {
    let asked = std::env::var("RUST_LOG").ok().filter(|text| !text.is_empty());
    let filter = EnvFilter::try_new(asked.as_deref().unwrap_or(level.directive()))?;
    let (filter, handle) = reload::Layer::new(filter);
    let filter = filter.and(filter_fn(may_be_logged));
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr);
    let lines = match format {
        LogFormat::Text => lines.with_ansi(io::stderr().is_terminal()).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    // It fails only when logging has been started before.
    if tracing_subscriber::registry().with(lines.with_filter(filter)).try_init().is_ok() {
        let filter = if asked.is_some() { LevelFilter::Environment } else { LevelFilter::Configured(handle) };
        let _ = FILTER.set(filter);
    }
    Ok(())
}

/// Logs from now on what `level` says, unless `RUST_LOG` was set at the start. Without logging it does nothing.
pub fn set_level(level: LogLevel) -> LevelSet {
    match FILTER.get() {
        Some(LevelFilter::Environment) => LevelSet::Overruled,
        Some(LevelFilter::Configured(handle)) => {
            // It fails only when the subscriber is gone, and ours lives as long as the process.
            let _ = handle.reload(EnvFilter::new(level.directive()));
            LevelSet::Done
        }
        None => LevelSet::Done,
    }
}

/// Whether a line of this origin and level may be written at all.
fn may_be_logged(metadata: &Metadata<'_>) -> bool {
    let target = metadata.target();
    is_ours(target) || *metadata.level() <= Level::WARN && !OF_REQUESTS.contains(&target)
}

/// What serves connections has a line for each answer that breaks off, whoever broke it off. Where the operator should know of
/// it, whoever makes the answer says so.
const OF_REQUESTS: [&str; 2] = ["actix_http::h1::dispatcher", "actix_http::h2::dispatcher"];

fn is_ours(target: &str) -> bool {
    target.starts_with("farthing")
}

/// `RUST_LOG` cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("RUST_LOG: {0}; write for example RUST_LOG=info or RUST_LOG=farthing_issuer=debug")]
pub struct TelemetryError(#[from] ParseError);

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::fmt::MakeWriter;

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl<'a> MakeWriter<'a> for Lines {
        type Writer = Self;

        fn make_writer(&'a self) -> Self {
            self.clone()
        }
    }

    #[test]
    fn starting_twice_does_nothing() {
        init(LogFormat::Text, LogLevel::Info).unwrap();
        init(LogFormat::Json, LogLevel::Trace).unwrap();
    }

    #[test]
    fn foreign_crates_are_heard_only_when_they_warn() {
        let lines = Lines::default();
        let layer = tracing_subscriber::fmt::layer().with_writer(lines.clone());
        let filter = EnvFilter::new("trace").and(filter_fn(may_be_logged));
        tracing::subscriber::with_default(
            tracing_subscriber::registry().with(layer.with_filter(filter)),
            || {
                tracing::info!(target: "actix_http::h1", "authorization: Bearer secret");
                tracing::warn!(target: "actix_http::h1", "foreign warning");
                tracing::error!(target: "actix_http::h1::dispatcher", "secret payload stream error");
                tracing::error!(target: "actix_http::h2::dispatcher", "secret payload stream error");
                tracing::debug!(target: "farthing_issuer", "our detail");
            },
        );
        let written = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        assert!(written.contains("foreign warning") && written.contains("our detail"), "{written}");
        assert!(!written.contains("secret"), "{written}");
    }
}
