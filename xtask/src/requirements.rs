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
    /// With which it succeeds, if it has all that is needed.
    arguments: &'static [&'static str],
    package: &'static str,
}

const VERSION: &[&str] = &["--version"];

const REQUIREMENTS: &[Requirement] = &[
    Requirement { program: "redis-server", arguments: VERSION, package: "redis-server" },
    Requirement { program: "curl", arguments: VERSION, package: "curl" },
    Requirement { program: "openssl", arguments: &["version"], package: "openssl" },
];

/// What only `--all` needs, and what starts nothing when it is installed.
const REQUIREMENTS_FOR_ALL: &[Requirement] = &[
    Requirement { program: "chromium", arguments: VERSION, package: "chromium" },
    Requirement { program: "chromedriver", arguments: VERSION, package: "chromium-driver" },
    Requirement { program: "python3", arguments: &["-c", "import ensurepip, venv"], package: "python3-venv" },
];

/// Installs what is missing, as root on Debian; elsewhere says what to install.
pub(crate) fn provide() -> Result<()> {
    install(REQUIREMENTS)
}

fn install(requirements: &[Requirement]) -> Result<()> {
    let is_missing = |requirement: &&Requirement| {
        !tool::succeeds(program(requirement.program, &tool::root()).args(requirement.arguments))
    };
    let missing: Vec<_> =
        requirements.iter().filter(is_missing).map(|requirement| requirement.package).collect();
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

/// Programs that only `--all` needs, of Debian's packages, which are unpacked below `target/` and not installed: installed,
/// they would start servers on this machine.
struct Unpacked {
    /// The directory below `target/`.
    directory: &'static str,
    packages: &'static [&'static str],
    /// The programs, each with an argument that makes it say its version.
    programs: &'static [(&'static str, &'static str)],
}

const UNPACKED: &[Unpacked] = &[
    Unpacked { directory: "promtool", packages: &["prometheus"], programs: &[("promtool", "--version")] },
    Unpacked {
        directory: "servers",
        packages: &["nginx", "nginx-common", "caddy"],
        programs: &[("nginx", "-v"), ("caddy", "version")],
    },
];

/// Provides `chromium` with its driver, Python with `venv`, `promtool`, `nginx` and `caddy`, as root on Debian; elsewhere says how. Returns the
/// `PATH` that they are found on.
pub(crate) fn provide_for_all() -> Result<OsString> {
    install(REQUIREMENTS_FOR_ALL)?;
    let mut path = env::var_os("PATH").unwrap_or_default();
    for unpacked in UNPACKED {
        path = unpacked.provide(&path)?;
    }
    Ok(path)
}

impl Unpacked {
    fn provide(&self, known: &OsString) -> Result<OsString> {
        let directory = tool::target().join(self.directory);
        let inside = ["usr/bin", "usr/sbin"].map(|below| directory.join(below));
        let path = env::join_paths(env::split_paths(known).chain(inside))?;
        let answers = || {
            self.programs.iter().all(|(name, version)| {
                tool::succeeds(program(name, &tool::root()).env("PATH", &path).arg(version))
            })
        };
        if answers() {
            return Ok(path);
        }
        let (packages, to) = (self.packages.join(" "), directory.display());
        if !installs() {
            bail!(
                "the tests need programs of {packages}. On Debian: apt-get download {packages}, and for each file \
                 dpkg-deb --extract FILE {to}"
            );
        }
        stage(&format!("unpacking {packages}, which the tests need"), || {
            fs::create_dir_all(&directory)?;
            tool::run(apt(&directory).arg("update"))?;
            tool::run(apt(&directory).arg("download").args(self.packages))?;
            for entry in fs::read_dir(&directory)? {
                let file = entry?.path();
                if file.extension().is_some_and(|extension| extension == "deb") {
                    tool::run(program("dpkg-deb", &directory).arg("--extract").arg(&file).arg("."))?;
                    fs::remove_file(file)?;
                }
            }
            if answers() {
                Ok(())
            } else {
                bail!("Debian's packages {packages} have no programs that run here")
            }
        })?;
        Ok(path)
    }
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
