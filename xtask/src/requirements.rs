//! Programs that the tests run and that Rust does not bring along.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::{Write, stdout};
use std::path::Path;
use std::process::Command;

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
    if !installs() {
        bail!("the tests need {packages}. On Debian: sudo apt-get install {packages}");
    }
    stage("installing what the tests need", || {
        writeln!(stdout(), "{packages}")?;
        tool::run(apt(&tool::root()).arg("update"))?;
        tool::run(apt(&tool::root()).args(["install", "--yes", "--no-install-recommends"]).args(missing))
    })
}

/// Provides `promtool`, as root on Debian; elsewhere says how. Returns the `PATH` that it is found on.
///
/// Debian's package is unpacked below `target/` and not installed: installed, it would start a server on this machine.
pub(crate) fn provide_promtool() -> Result<OsString> {
    let directory = tool::target().join("promtool");
    let known = env::var_os("PATH").unwrap_or_default();
    let path = env::join_paths(env::split_paths(&known).chain([directory.join("usr/bin")]))?;
    let answers = || tool::succeeds(program("promtool", &tool::root()).env("PATH", &path).arg("--version"));
    if answers() {
        return Ok(path);
    }
    if !installs() {
        let to = directory.display();
        bail!(
            "the tests need promtool. On Debian: apt-get download prometheus && dpkg-deb --extract prometheus_*.deb {to}"
        );
    }
    stage("unpacking promtool, which the tests need", || {
        fs::create_dir_all(&directory)?;
        tool::run(apt(&directory).arg("update"))?;
        tool::run(apt(&directory).args(["download", "prometheus"]))?;
        for entry in fs::read_dir(&directory)? {
            let file = entry?.path();
            if file.extension().is_some_and(|extension| extension == "deb") {
                tool::run(program("dpkg-deb", &directory).arg("--extract").arg(&file).arg("."))?;
                fs::remove_file(file)?;
            }
        }
        if answers() { Ok(()) } else { bail!("Debian's package prometheus has no promtool that runs here") }
    })?;
    Ok(path)
}

fn apt(directory: &Path) -> Command {
    let mut apt = program("apt-get", directory);
    apt.env("DEBIAN_FRONTEND", "noninteractive");
    apt
}

/// Whether packages can be had without asking anybody.
fn installs() -> bool {
    is_root() && tool::succeeds(program("apt-get", &tool::root()).arg("--version"))
}

fn is_root() -> bool {
    let id = program("id", &tool::root()).arg("-u").output();
    id.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}
