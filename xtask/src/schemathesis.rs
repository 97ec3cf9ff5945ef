//! schemathesis, which compares running services with their OpenAPI documents: a Python program, in a place of its own.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::stage::stage;
use crate::tool::{self, program};

/// A later one may find more: whoever raises it looks at what that is.
const VERSION: &str = "4.32.5";

/// The program below `target/`, installed if it is not there.
pub(crate) fn provide() -> Result<PathBuf> {
    let place = tool::target().join("schemathesis");
    let schemathesis = place.join("bin").join("schemathesis");
    if is_version(&schemathesis) {
        return Ok(schemathesis);
    }
    let installed = stage("installing schemathesis, which the tests need", || {
        tool::run(program("python3", &tool::root()).args(["-m", "venv", "--clear"]).arg(&place))?;
        let pip = place.join("bin").join("pip");
        tool::run(
            program(pip, &tool::root())
                .args(["install", "--quiet", "--disable-pip-version-check"])
                .arg(format!("schemathesis=={VERSION}")),
        )
    });
    installed.with_context(|| {
        format!(
            "schemathesis {VERSION} cannot be had; it needs Python 3.11 or later with venv (Debian: python3-venv) and a \
             package index. `cargo xtask test` does without"
        )
    })?;
    Ok(schemathesis)
}

/// Whether the program is there in our version, and runs.
fn is_version(schemathesis: &Path) -> bool {
    let output = program(schemathesis, &tool::root()).arg("--version").output();
    output.is_ok_and(|output| {
        output.status.success() && String::from_utf8_lossy(&output.stdout).trim().ends_with(VERSION)
    })
}
