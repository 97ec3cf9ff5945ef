//! Programs that some tests need, and that not every machine has.

use std::env;
use std::io::Write;
use std::process::{Command, Stdio};

use anyhow::bail;

/// Whether a program is there, which says its version when asked with this argument. If it is not, says loudly that a
/// test is skipped; `packages` are Debian's that have it.
///
/// # Errors
/// It is not there, and `FARTHING_TEST_REQUIRE_SERVERS` is 1.
pub fn is_there(program: &str, version: &str, packages: &str) -> anyhow::Result<bool> {
    let quietly = || Stdio::null();
    if Command::new(program).arg(version).stdout(quietly()).stderr(quietly()).status().is_ok() {
        return Ok(true);
    }
    if env::var_os("FARTHING_TEST_REQUIRE_SERVERS").is_some_and(|value| value == "1") {
        bail!("{program} is not installed. On Debian: sudo apt-get install {packages}");
    }
    let _ = writeln!(
        std::io::stderr(),
        "SKIPPED: a test needs {program}, which is not installed (Debian: {packages})"
    );
    Ok(false)
}
