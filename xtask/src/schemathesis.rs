//! schemathesis, which compares running services with their OpenAPI documents: a Python program, in a place of its own.

use std::io::{Write, stdout};
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::stage::stage;
use crate::tool::{self, program};

/// A later one may find more: whoever raises it looks at what that is.
const VERSION: &str = "4.32.5";

/// The program below `target/`, installed if it is not there; where that cannot be done, says so, and gives none.
pub(crate) fn provide() -> Result<Option<PathBuf>> {
    let place = tool::target().join("schemathesis");
    let schemathesis = place.join("bin").join("schemathesis");
    if is_version(&schemathesis) {
        return Ok(Some(schemathesis));
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
    match installed {
        Ok(()) => Ok(Some(schemathesis)),
        Err(error) => {
            writeln!(
                stdout(),
                "SKIPPED: services are not compared with their OpenAPI documents. schemathesis {VERSION} cannot be had: \
                 {error:#}; it needs Python 3.11 with venv (Debian: python3-venv) and a package index\n"
            )?;
            Ok(None)
        }
    }
}

/// Whether the program is there in our version, and runs.
fn is_version(schemathesis: &Path) -> bool {
    let output = program(schemathesis, &tool::root()).arg("--version").output();
    output.is_ok_and(|output| {
        output.status.success() && String::from_utf8_lossy(&output.stdout).trim().ends_with(VERSION)
    })
}
