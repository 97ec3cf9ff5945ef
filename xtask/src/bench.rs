use anyhow::Result;

use crate::tool;

/// Builds the benchmark as the services are built, and runs it with `arguments`.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let build = ["run", "--quiet", "--release", "--bin", "bench", "--"];
    tool::run(tool::cargo(&tool::interop(), build).args(arguments))
}
