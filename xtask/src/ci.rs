use anyhow::Result;

use crate::stage::stage;
use crate::tool::{cargo, interop, root};
use crate::{dependency_rules, test, tool};

/// Whether the suites are run that take long or need other programs, as by `cargo xtask test --all`: without them the gate
/// behind nginx and Caddy, pages in a browser and the OpenAPI documents would be passed by skipping them.
const ALL_SUITES: bool = true;

/// What is built for operators and readers.
const PROGRAMS: [&str; 4] = ["farthing-issuer", "farthing-redeemer", "farthing-gate", "farthing-wallet"];

/// Everything that a change must pass. Tests come last, so that the output ends with their count.
pub(crate) fn run() -> Result<()> {
    stage("format", || {
        tool::run(&mut cargo(&root(), ["fmt", "--all", "--check"]))?;
        tool::run(&mut cargo(&interop(), ["fmt", "--check"]))?;
        tool::run(&mut cargo(&root().join("fuzz"), ["fmt", "--check"]))
    })?;
    stage("lints", || {
        let clippy = ["clippy", "--locked", "--workspace", "--all-targets", "--", "-D", "warnings"];
        tool::run(&mut cargo(&root(), clippy))?;
        // As images have them: together with the tests they have features that hide what is missing.
        let programs = PROGRAMS.into_iter().flat_map(|program| ["--package", program]);
        let alone = ["clippy", "--locked"].into_iter().chain(programs).chain(["--", "-D", "warnings"]);
        tool::run(&mut cargo(&root(), alone))?;
        tool::run(&mut cargo(&interop(), clippy))
    })?;
    stage("rules for dependencies", dependency_rules::check)?;
    stage("documentation", || {
        let doc = ["doc", "--locked", "--workspace", "--no-deps"];
        tool::run(cargo(&root(), doc).env("RUSTDOCFLAGS", "-D warnings"))
    })?;
    test::run(ALL_SUITES)
}
