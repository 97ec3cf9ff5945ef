use anyhow::Result;

use crate::{requirements, tool};

/// Builds the benchmark as the services are built, and runs it with `arguments`; `server` is one of this workspace.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    if let Some((_, rest)) = arguments.split_first().filter(|(work, _)| *work == "server") {
        requirements::provide()?;
        let build = ["build", "--quiet", "--release", "--package", "farthing-tests", "--bins"];
        tool::run(&mut tool::cargo(&tool::root(), build))?;
        let bench = tool::target().join("release").join("farthing-bench-server");
        return tool::run(tool::program(bench, &tool::root()).args(rest));
    }
    let build = ["run", "--quiet", "--release", "--bin", "bench", "--"];
    tool::run(tool::cargo(&tool::interop(), build).args(arguments))
}
