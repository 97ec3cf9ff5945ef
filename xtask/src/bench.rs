use anyhow::Result;

use crate::{requirements, tool};

/// Builds the benchmark as the services are built, and runs it with `arguments`; `server`, `store` and `gate` are of
/// this workspace.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let ours = |work: &str| ["server", "store", "gate"].contains(&work);
    if let Some((work, rest)) = arguments.split_first().filter(|(work, _)| ours(work)) {
        requirements::provide()?;
        let bench = format!("farthing-bench-{work}");
        // With the programs that it measures. Linking takes minutes, so nothing else.
        let build = ["build", "--quiet", "--release", "--package", "farthing-tests"];
        let build = build.into_iter().chain(["--bin", "farthing-demo", "--bin", &bench]);
        tool::run(&mut tool::cargo(&tool::root(), build))?;
        let bench = tool::target().join("release").join(bench);
        return tool::run(tool::program(bench, &tool::root()).args(rest));
    }
    let build = ["run", "--quiet", "--release", "--bin", "bench", "--"];
    tool::run(tool::cargo(&tool::interop(), build).args(arguments))
}
