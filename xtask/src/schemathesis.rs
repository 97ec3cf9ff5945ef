//! schemathesis, which compares running services with their OpenAPI documents: a Python program, in a place of its own.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::stage::stage;
use crate::tool::{self, program};

/// Below the root: the version of the program, and those of everything that it needs.
const CONSTRAINTS: &str = "tests/schemathesis/constraints.txt";

/// The program below `target/`, installed if it is not there.
pub(crate) fn provide() -> Result<PathBuf> {
    let place = tool::target().join("schemathesis");
    let schemathesis = place.join("bin").join("schemathesis");
    let wanted = fs::read_to_string(tool::root().join(CONSTRAINTS)).context(CONSTRAINTS)?;
    // What was installed, written down when all of it was there.
    let installed = place.join("constraints.txt");
    if fs::read_to_string(&installed).is_ok_and(|installed| installed == wanted) && runs(&schemathesis) {
        return Ok(schemathesis);
    }
    let done = stage("installing schemathesis, which the tests need", || {
        tool::run(program("python3", &tool::root()).args(["-m", "venv", "--clear"]).arg(&place))?;
        let pip = place.join("bin").join("pip");
        tool::run(program(pip, &tool::root()).args([
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "-c",
            CONSTRAINTS,
            "schemathesis",
        ]))?;
        fs::write(&installed, &wanted).context("target/schemathesis")
    });
    done.context(
        "schemathesis cannot be had; it needs Python 3.11 or later with venv (Debian: python3-venv) and a package index. \
         `cargo xtask test` does without",
    )?;
    Ok(schemathesis)
}

fn runs(schemathesis: &Path) -> bool {
    program(schemathesis, &tool::root()).arg("--version").output().is_ok_and(|output| output.status.success())
}

#[cfg(test)]
mod tests {
    #[test]
    fn each_package_has_one_version() {
        let constraints = include_str!("../../tests/schemathesis/constraints.txt");
        let lines: Vec<_> = constraints.lines().filter(|line| !line.starts_with('#')).collect();
        assert!(lines.iter().any(|line| line.starts_with("schemathesis==")), "{lines:?}");
        for line in lines {
            let pinned = line.split_once("==").is_some_and(|(_, version)| !version.contains('*'));
            assert!(pinned, "{line}");
        }
    }
}
