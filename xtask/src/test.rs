use std::io::{BufRead, BufReader, Write, stdout};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::stage::stage;
use crate::tally::Tally;
use crate::{fuzz, requirements, schemathesis, tool};

/// How long `--all` runs each fuzz target.
const SMOKE_SECONDS: u32 = 10;

/// Runs every test. The last line on standard output counts them.
pub(crate) fn run(all: bool) -> Result<()> {
    requirements::provide()?;
    let path = all.then(requirements::provide_for_all).transpose()?;
    let schemathesis = all.then(schemathesis::provide).transpose()?;
    let mut tally = Tally::default();
    stage("tests of the workspace", || {
        let mut command = tool::cargo(&tool::root(), ["test", "--workspace", "--no-fail-fast"]);
        if all {
            // Builds the images and needs a Docker engine: it says so and is skipped where none answers.
            command.env("FARTHING_TEST_CONTAINERS", "1");
        }
        if let Some(path) = &path {
            command.env("FARTHING_TEST_REQUIRE_PROMTOOL", "1").env("FARTHING_TEST_REQUIRE_SERVERS", "1");
            command.env("PATH", path);
        }
        if let Some(schemathesis) = &schemathesis {
            command.env("FARTHING_TEST_SCHEMATHESIS", schemathesis);
        }
        count(&mut command, &mut tally)
    })?;
    stage("tests against other implementations", || {
        let mut command = tool::cargo(&tool::interop(), ["test", "--no-fail-fast"]);
        // The tests above have just built it; otherwise these would build it once more, with other features.
        let services = tool::target().join("debug").join("farthing-demo");
        if services.exists() {
            command.env("FARTHING_DEMO_BIN", services);
        }
        count(&mut command, &mut tally)
    })?;
    if all && fuzz::is_possible() {
        stage("fuzz targets, briefly", || fuzz::run(SMOKE_SECONDS))?;
    } else if all {
        writeln!(stdout(), "SKIPPED: the fuzz targets. They need {}\n", fuzz::NEEDS)?;
    }
    writeln!(stdout(), "{tally}")?;
    ensure!(tally.failed == 0, "not every test passed");
    Ok(())
}

/// Runs cargo test, shows what it prints, and adds its summaries to the tally.
fn count(command: &mut Command, tally: &mut Tally) -> Result<()> {
    let failed_before = tally.failed;
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot run `{}`", tool::shown(command)))?;
    let output = child.stdout.take().context("cargo test has no output")?;
    for line in BufReader::new(output).split(b'\n') {
        let line = line?;
        let line = String::from_utf8_lossy(&line);
        writeln!(stdout(), "{line}")?;
        tally.read(&line);
    }
    if !child.wait()?.success() && tally.failed == failed_before {
        // It did not compile, or a test took its whole process down: no summary says so.
        writeln!(stdout(), "FAILED: `{}` ended without a summary", tool::shown(command))?;
        tally.failed += 1;
    }
    Ok(())
}
