use std::fs;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use farthing_service::clock::Clock;

/// The environment variable that names the file.
pub const CLOCK_VARIABLE: &str = "FARTHING_TEST_CLOCK";

/// The machine's clock, moved by the number of seconds in a file: a test moves all its processes at once. After an `@`
/// the number is the unix second at which the clock stands still.
#[derive(Debug, Clone)]
pub struct FileClock {
    file: Option<PathBuf>,
}

impl FileClock {
    /// The clock that the environment variable asks for.
    pub fn from_environment() -> Self {
        Self { file: std::env::var_os(CLOCK_VARIABLE).map(PathBuf::from) }
    }

    /// Unix seconds. A file that is missing or no number moves nothing.
    pub fn unix_seconds(&self) -> u64 {
        let text = self.file.as_ref().and_then(|file| fs::read_to_string(file).ok()).unwrap_or_default();
        if let Some(stands_at) = text.strip_prefix('@').and_then(|second| second.trim().parse().ok()) {
            return stands_at;
        }
        let moved: i64 = text.trim().parse().unwrap_or(0);
        Self::real_seconds().saturating_add_signed(moved)
    }

    /// Unix seconds of the machine's clock.
    pub fn real_seconds() -> u64 {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
    }
}

impl Clock for FileClock {
    fn now(&self) -> u64 {
        self.unix_seconds()
    }
}

impl farthing_wallet::Clock for FileClock {
    fn now(&self) -> u64 {
        self.unix_seconds()
    }

    /// Time passes only when a test moves it.
    fn wait(&self, _seconds: u64) {}
}
