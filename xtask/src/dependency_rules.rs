//! The rules of deny.toml, by cargo-deny.

use std::io::{Write, stdout};
use std::path::PathBuf;

use anyhow::Result;

use crate::tool;

/// Checks licences, bans and sources, and the advisories if their database can be had.
pub(crate) fn check() -> Result<()> {
    let deny = cargo_deny()?;
    let deny = || tool::program(&deny, &tool::root());
    tool::run(deny().args(["--locked", "check", "--hide-inclusion-graph", "licenses", "bans", "sources"]))?;
    // The database is a git repository; machines that reach only the package registry can't have it.
    if tool::succeeds(deny().args(["--locked", "fetch", "db"])) {
        tool::run(deny().args(["--locked", "check", "--disable-fetch", "advisories"]))
    } else {
        writeln!(stdout(), "SKIPPED: advisories. Their database could not be fetched")?;
        Ok(())
    }
}

/// The installed cargo-deny, or one of our own below the target directory.
fn cargo_deny() -> Result<PathBuf> {
    if tool::succeeds(tool::program("cargo-deny", &tool::root()).arg("--version")) {
        return Ok("cargo-deny".into());
    }
    let tools = tool::target().join("tools");
    let ours = tools.join("bin").join("cargo-deny");
    if !ours.exists() {
        writeln!(stdout(), "cargo-deny is missing: installing it into {}", tools.display())?;
        tool::run(tool::cargo(&tool::root(), ["install", "--locked", "cargo-deny", "--root"]).arg(&tools))?;
    }
    Ok(ours)
}
