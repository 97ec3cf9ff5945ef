//! Programs that the tests run and that Rust does not bring along.

use std::io::{Write, stdout};

use anyhow::{Result, bail};

use crate::stage::stage;
use crate::tool::{self, program};

/// A program and Debian's package of it.
struct Requirement {
    program: &'static str,
    package: &'static str,
}

const REQUIREMENTS: &[Requirement] = &[Requirement { program: "redis-server", package: "redis-server" }];

/// Installs what is missing, as root on Debian; elsewhere says what to install.
pub(crate) fn provide() -> Result<()> {
    let is_missing = |requirement: &&Requirement| {
        !tool::succeeds(program(requirement.program, &tool::root()).arg("--version"))
    };
    let missing: Vec<_> =
        REQUIREMENTS.iter().filter(is_missing).map(|requirement| requirement.package).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let packages = missing.join(" ");
    if !is_root() || !tool::succeeds(program("apt-get", &tool::root()).arg("--version")) {
        bail!("the tests need {packages}. On Debian: sudo apt-get install {packages}");
    }
    stage("installing what the tests need", || {
        writeln!(stdout(), "{packages}")?;
        let apt = || {
            let mut apt = program("apt-get", &tool::root());
            apt.env("DEBIAN_FRONTEND", "noninteractive");
            apt
        };
        tool::run(apt().arg("update"))?;
        tool::run(apt().args(["install", "--yes", "--no-install-recommends"]).args(missing))
    })
}

fn is_root() -> bool {
    let id = program("id", &tool::root()).arg("-u").output();
    id.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}
