//! Commands of the operator, given to the running gate over its socket.

use serde::{Deserialize, Serialize};

/// What the running gate can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Command {
    /// Reads the configuration again.
    Reload,
    /// Whether it could do its work now.
    Ready,
}
