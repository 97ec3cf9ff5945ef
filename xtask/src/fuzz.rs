use std::fs;
use std::io::{Write, stdout};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::tool;

/// What [`is_possible`] looks for, and how to get it.
pub(crate) const NEEDS: &str = "`rustup toolchain install nightly` and `cargo install --locked cargo-fuzz`";

/// Whether the tools for it are there.
pub(crate) fn is_possible() -> bool {
    tool::succeeds(cargo_fuzz().arg("--version"))
}

/// Runs every fuzz target for so many seconds, starting from the corpora in `fuzz/corpus`.
pub(crate) fn run(seconds: u32) -> Result<()> {
    ensure!(is_possible(), "fuzzing needs {NEEDS}");
    let listing = cargo_fuzz().arg("list").output().context("cannot list the fuzz targets")?;
    ensure!(listing.status.success(), "cargo fuzz list: {}", String::from_utf8_lossy(&listing.stderr));
    let targets = String::from_utf8(listing.stdout)?;
    for target in targets.split_whitespace() {
        writeln!(stdout(), "-- {target}")?;
        // The first corpus is the one that is written to: the committed one changes by hand alone.
        let found = tool::target().join("fuzz-corpus").join(target);
        let committed = tool::root().join("fuzz/corpus").join(target);
        fs::create_dir_all(&found)?;
        let mut command = cargo_fuzz();
        command.args(["run", target]).arg(found);
        if committed.exists() {
            command.arg(committed);
        }
        tool::run(command.args(["--", &format!("-max_total_time={seconds}")]))?;
    }
    Ok(())
}

/// `cargo +nightly fuzz`; the `+` is understood by rustup's cargo, not by a toolchain's own.
fn cargo_fuzz() -> Command {
    let mut command = tool::program("cargo", &tool::root());
    command.args(["+nightly", "fuzz"]);
    command
}
